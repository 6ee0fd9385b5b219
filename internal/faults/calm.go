package main

import (
	"time"

	"github.com/amogate/amogate/amo/settings"
)

// calm are the settings of production but for how often a process says that it
// lives and looks for accounts that others changed: rows last days by their own
// clock, and a day of that takes seconds of everybody else's.
func calm() settings.Settings {
	s := settings.Default()
	s.Beat, s.AccountScan = time.Minute, time.Minute
	return s
}
