package engine

import (
	"log/slog"

	"github.com/amogate/amogate/amo/settings"
)

// Options are those of opening a store.
type Options struct {
	// Dir is the data directory, for a SQLite URL without a path.
	Dir string
	// AdminAddr is told to a second owner of a SQLite file, so that it can ask us.
	AdminAddr string
	// Migrate applies missing migrations; without it a schema that is too old is
	// an error. SQLite is always migrated.
	Migrate bool
	// Settings are the time-outs.
	Settings settings.Settings
	// Logger gets migrations, integrity checks, lost connections; nil = nobody.
	Logger *slog.Logger
}

// Log returns the logger, or one that writes nowhere.
func (o Options) Log() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}
