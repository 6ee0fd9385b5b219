package emulator

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// claims are what an access token says, in the order that was seen. The lives of tokens are the emulator's memory, not
// these.
type claims struct {
	Aud        string   `json:"aud"`
	Jti        string   `json:"jti"`
	Iat        int64    `json:"iat"`
	Nbf        int64    `json:"nbf"`
	Exp        int64    `json:"exp"`
	Sub        string   `json:"sub"`
	GrantType  string   `json:"grant_type"` // empty for a long-lived token
	AccountID  int64    `json:"account_id"`
	BaseDomain string   `json:"base_domain"`
	Version    int      `json:"version"`
	Scopes     []string `json:"scopes"`
	HashUUID   string   `json:"hash_uuid"`
	APIDomain  string   `json:"api_domain"`
}

// newAccessToken writes an access token: a header, claims and a signature nobody can verify, since the service
// publishes no key.
func (e *Emulator) newAccessToken(grant string, now, ends time.Time) (string, error) {
	id := randomHex(40)
	header, err := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "jti": id})
	if err != nil {
		return "", fmt.Errorf("write token: %w", err)
	}
	body, err := json.Marshal(claims{
		Aud:        e.config.OAuth.ClientID,
		Jti:        id,
		Iat:        now.Unix(),
		Nbf:        now.Unix(),
		Exp:        ends.Unix(),
		Sub:        strconv.FormatInt(e.config.UserID, 10),
		GrantType:  grant,
		AccountID:  e.config.AccountID,
		BaseDomain: e.baseDomain(),
		Version:    2,
		Scopes:     []string{"push_notifications", "files", "crm", "files_delete", "notifications"},
		HashUUID:   newUUID(),
		APIDomain:  e.apiDomain(),
	})
	if err != nil {
		return "", fmt.Errorf("write token: %w", err)
	}
	return strings.Join([]string{encode(header), encode(body), encode(randomBytes(256))}, "."), nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// newSecret returns an opaque refresh token or code. Those of the service are several hundred characters long too.
func newSecret(kind string) string { return kind + randomHex(320) }

// randomBytes returns n bytes of the system's source, which never fails.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // documented never to return an error
	return b
}

func randomHex(n int) string { return hex.EncodeToString(randomBytes(n)) }

func newUUID() string {
	b := randomBytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
