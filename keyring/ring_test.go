package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/amogate/amogate/keyring"
)

// keyOf returns a key of 32 equal bytes in base64.
func keyOf(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

// ring returns the ring of a text.
func ring(t *testing.T, text string) *keyring.Ring {
	t.Helper()
	r, err := keyring.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRing_opensWhatItSealed(t *testing.T) {
	r := ring(t, "k1:"+keyOf(1))
	rapid.Check(t, func(t *rapid.T) {
		place := keyring.Context{Table: rapid.String().Draw(t, "table"), Account: rapid.String().Draw(t, "account"), Generation: rapid.Int64().Draw(t, "generation")}
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		id, sealed, err := r.Seal(place, plain)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := r.Open(place, id, sealed)
		if err != nil || !bytes.Equal(opened, plain) {
			t.Fatalf("opened %q (%v), want %q", opened, err, plain)
		}
	})
}

func TestRing_opensNothingElsewhere(t *testing.T) {
	place := keyring.Context{Table: "credentials", Account: "shop", Generation: 7}
	two := ring(t, "k1:"+keyOf(1)+"\nk2:"+keyOf(1)+"\n*k0:"+keyOf(3))
	r := ring(t, "k1:"+keyOf(1))
	id, sealed, err := r.Seal(place, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.Open(place, id, sealed); err != nil {
		t.Errorf("the same key in another ring: %v", err)
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	newer := bytes.Clone(sealed)
	newer[0]++
	for name, open := range map[string]func() ([]byte, error){
		"another table":      func() ([]byte, error) { p := place; p.Table = "hooks"; return r.Open(p, id, sealed) },
		"another account":    func() ([]byte, error) { p := place; p.Account = "shop2"; return r.Open(p, id, sealed) },
		"another generation": func() ([]byte, error) { p := place; p.Generation++; return r.Open(p, id, sealed) },
		"the border moved": func() ([]byte, error) {
			p := place
			p.Table, p.Account = "credential", "sshop"
			return r.Open(p, id, sealed)
		},
		"the same key renamed":    func() ([]byte, error) { return two.Open(place, "k2", sealed) },
		"another key of the name": func() ([]byte, error) { return ring(t, "k1:"+keyOf(2)).Open(place, id, sealed) },
		"a bit flipped":           func() ([]byte, error) { return r.Open(place, id, flipped) },
		"another version":         func() ([]byte, error) { return r.Open(place, id, newer) },
		"cut":                     func() ([]byte, error) { return r.Open(place, id, sealed[:12]) },
		"empty":                   func() ([]byte, error) { return r.Open(place, id, nil) },
	} {
		if plain, err := open(); !errors.Is(err, keyring.ErrForged) {
			t.Errorf("%s: opened %q with %v, want ErrForged", name, plain, err)
		}
	}
	if _, err := r.Open(place, "k9", sealed); !errors.Is(err, keyring.ErrUnknownKey) {
		t.Errorf("unknown key: %v, want ErrUnknownKey", err)
	}
}

func TestRing_sealsNothingTwiceAlike(t *testing.T) {
	r := ring(t, "k1:"+keyOf(1))
	_, first, err := r.Seal(keyring.Context{}, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := r.Seal(keyring.Context{}, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, second) {
		t.Error("two seals of one text are equal: the nonce is used twice")
	}
}

func TestRing_printsAsStars(t *testing.T) {
	r := ring(t, "k1:"+keyOf('K'))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("ring", "ring", r)
	encoded, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %d %x", r, r, r, r, r, r) + log.String() + string(encoded)
	if strings.Contains(all, "k1") || strings.Contains(all, "KK") || strings.Count(all, "***") != 8 {
		t.Errorf("a ring prints as %s", all)
	}
}

func FuzzOpen(f *testing.F) {
	r, err := keyring.Parse("k1:" + keyOf(1))
	if err != nil {
		f.Fatal(err)
	}
	// What is sealed must be the same in every process of the fuzzer.
	sealed, err := hex.DecodeString("01ba0e71c88a1c2f5972f46394bd5c2bb07b043f40314e5e87d959032b19ed1635e9")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("t", "a", int64(1), "k1", sealed)
	f.Add("", "", int64(0), "", []byte{1})
	f.Fuzz(func(t *testing.T, table, account string, generation int64, id string, data []byte) {
		place := keyring.Context{Table: table, Account: account, Generation: generation}
		plain, err := r.Open(place, id, data)
		genuine := bytes.Equal(data, sealed) && place == (keyring.Context{Table: "t", Account: "a", Generation: 1}) && id == "k1"
		if genuine != (err == nil) {
			t.Errorf("Open = %q, %v; genuine: %v", plain, err, genuine)
		}
	})
}
