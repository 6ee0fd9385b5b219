package v4

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/amogate/amogate/amo/internal/driver"
)

func TestAccount_sample(t *testing.T) {
	t.Parallel()
	env, err := DecodeAccount(readFixture(t, "account_reply.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := driver.Env{AccountID: 30123456, UserID: 612007, Currency: "RUB", CustomersMode: "segments", Filters: true}
	if env.Location.String() != "Europe/Moscow" {
		t.Errorf("zone is %v", env.Location)
	}
	env.Location = nil
	if diff := cmp.Diff(want, *env); diff != "" {
		t.Error(diff)
	}
	call := AccountCall()
	if call.Name != "account.get" || call.Path != "/api/v4/account" || call.Query.Get("with") != "datetime_settings,is_api_filter_enabled" {
		t.Errorf("got %+v", call)
	}
}

func TestAccount_spellings(t *testing.T) {
	t.Parallel()
	const zone = `"_embedded":{"datetime_settings":{"timezone":"Europe/Moscow"}}`
	for _, c := range []struct {
		body string
		// offset is the offset in hours; bad says that the body cannot be understood.
		offset int
		bad    bool
	}{
		{`{"id":"1",` + zone + `}`, 3, false},
		{`{"id":1,"is_api_filter_enabled":null,"customers_mode":null,` + zone + `}`, 3, false},
		{`{"id":1,"_embedded":{"datetime_settings":{"timezone":"Mars/Olympus","timezone_offset":"+05:00"}}}`, 5, false},
		{`{"id":1,"_embedded":{"datetime_settings":{"timezone":"Local","timezone_offset":"-0700"}}}`, -7, false},
		{`{"id":1,"_embedded":{"datetime_settings":[]}}`, 0, true},
		{`{"id":1,"_embedded":[]}`, 0, true},
		{`{"id":1}`, 0, true},
		{`{"id":0,` + zone + `}`, 0, true},
		{`{}`, 0, true},
		{`[]`, 0, true},
		{``, 0, true},
	} {
		env, err := DecodeAccount([]byte(c.body))
		if c.bad {
			if e := wantFailure(t, err, driver.KindBadResponse); e.Op != "account.get" {
				t.Errorf("%s: operation is %q", c.body, e.Op)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		_, offset := time.Unix(1717400000, 0).In(env.Location).Zone()
		if offset != c.offset*3600 || env.Filters {
			t.Errorf("%s: offset %d, filters %v", c.body, offset, env.Filters)
		}
	}
}
