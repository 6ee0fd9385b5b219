package settings_test

import (
	"strings"
	"testing"
	"time"

	"github.com/amogate/amogate/amo/settings"
)

func TestDefault_isValid(t *testing.T) {
	if err := settings.Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestDivided(t *testing.T) {
	whole, part := settings.Default(), settings.Default().Divided(20)
	if got, want := part.Lease, whole.Lease/20; got != want {
		t.Errorf("lease %v, want %v", got, want)
	}
	if part.RefreshAt != whole.RefreshAt || part.MinRate != whole.MinRate {
		t.Errorf("shares and rates were divided: %+v", part)
	}
	if err := part.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidate_namesTheField(t *testing.T) {
	s := settings.Default()
	s.Beat = -time.Second
	s.MinRate = 0
	s.TokenTimeout = s.Lease
	s.TokenCalls = 0
	err := s.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"Beat", "MinRate", "TokenTimeout", "TokenCalls"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("nothing about %s: %v", name, err)
		}
	}
}
