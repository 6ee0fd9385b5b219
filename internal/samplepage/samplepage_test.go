package samplepage_test

import (
	"testing"

	"github.com/amogate/amogate/internal/samplepage"
)

func TestPages_haveTheSizeOfRealOnes(t *testing.T) {
	t.Parallel()
	for name, page := range map[string][]byte{
		"v2": samplepage.V2Customers(1, 500),
		"v4": samplepage.V4Customers(1, 1, 500, true),
	} {
		plain := samplepage.Plain(page)
		if row := len(plain) / 500; row < 1600 || row > 1950 {
			t.Errorf("%s: a row has %d bytes of UTF-8", name, row)
		}
		t.Logf("%s: %d bytes a row, %d of UTF-8", name, len(page)/500, len(plain)/500)
	}
}
