package main

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	amosettings "github.com/amogate/amogate/amo/settings"
)

const (
	// storeVariable is where a URL with a password belongs: command lines are open
	// to every process of the host.
	storeVariable = "AMOGATE_STORE"
	// keyringVariable may hold the key ring itself.
	keyringVariable = "AMOGATE_KEYRING"

	// storeFile and keyringFile are made in the data directory.
	storeFile   = "amogate.db"
	keyringFile = "keyring"
)

// storeFlags say where the store is.
type storeFlags struct {
	DataDir   string  `name:"data-dir" env:"AMOGATE_DATA_DIR" group:"store" default:"data" help:"Directory of what must survive a restart, with either engine: new tokens are here before they are used. Made with mode 0700; each replica needs its own."`
	Store     string  `name:"store" env:"AMOGATE_STORE" group:"store" placeholder:"URL" help:"Where accounts, sealed tokens and limits are kept: sqlite:///PATH for one process, postgres://USER@HOST/DATABASE for several replicas. A password comes in $AMOGATE_STORE, $PGPASSWORD or ~/.pgpass. Default: the file amogate.db in --data-dir."`
	TimeScale float64 `name:"time-scale" env:"AMOGATE_TIME_SCALE" group:"store" default:"1" hidden:"" help:"Divide the durations of failure handling, for tests; 1 or more."`
}

// stateFlags are those of commands that read what is sealed, too.
type stateFlags struct {
	Where       storeFlags `embed:""`
	KeyringFile string     `name:"keyring-file" env:"AMOGATE_KEYRING_FILE" group:"store" placeholder:"FILE" help:"File with the keys that seal tokens; the ring itself may come in $AMOGATE_KEYRING. With SQLite it is made at the first start; replicas share one. Default: the file keyring in --data-dir."`
}

// read checks the flags.
func (f *stateFlags) read(p *problems) storeConfig {
	c := f.Where.read(p)
	f.readKeyring(p, &c)
	return c
}

// storeConfig are the storeFlags, checked.
type storeConfig struct {
	// dir is the data directory, absolute.
	dir string
	// url names the store. It may hold a password.
	url string
	// file is the SQLite file of url, "" for PostgreSQL.
	file string
	// ring is the key ring itself; "" = that of ringFile.
	ring, ringFile string
	settings       amosettings.Settings
}

// read checks the flags.
func (f *storeFlags) read(p *problems) storeConfig {
	c := storeConfig{dir: f.readDataDir(p), settings: f.readSettings(p)}
	f.readStore(p, &c)
	return c
}

func (f *storeFlags) readSettings(p *problems) amosettings.Settings {
	// The negation also catches NaN.
	if !(f.TimeScale >= 1) {
		p.add("time-scale", "%v is less than 1", f.TimeScale)
		return amosettings.Default()
	}
	return amosettings.Default().Divided(f.TimeScale)
}

func (f *storeFlags) readDataDir(p *problems) string {
	dir, err := filepath.Abs(f.DataDir)
	if err != nil {
		p.add("data-dir", "%q: %v; give an absolute path", f.DataDir, err)
		return ""
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		p.add("data-dir", "%v; give a directory that this user may write", err)
	case !info.IsDir():
		p.add("data-dir", "%q is not a directory; give one, or a path that does not exist yet", f.DataDir)
	}
	return dir
}

// readStore never repeats what follows the scheme: URLs hold passwords.
func (f *storeFlags) readStore(p *problems, c *storeConfig) {
	if f.Store == "" {
		c.file = filepath.Join(c.dir, storeFile)
		c.url = sqliteURL(c.file)
		return
	}
	const want = "give sqlite:///PATH, or postgres://USER@HOST/DATABASE"
	u, err := url.Parse(f.Store)
	if err != nil {
		p.add("store", "cannot be read as a URL; %s, with special characters of a password as %%XX", want)
		return
	}
	switch u.Scheme {
	case "sqlite":
		if u.Host != "" || u.User != nil || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "" || !strings.HasPrefix(u.Path, "/") {
			p.add("store", "sqlite takes three slashes and an absolute path alone: sqlite:///var/lib/amogate/amogate.db")
			return
		}
		c.file = u.Path
	case "postgres", "postgresql":
		_, hasPassword := u.User.Password()
		if (hasPassword || u.Query().Has("password")) && f.Store != os.Getenv(storeVariable) {
			p.add("store", "holds a password, and command lines are open to every process of the host; "+
				"give the URL in %s, or the password in PGPASSWORD or ~/.pgpass", storeVariable)
		}
	default:
		p.add("store", "the scheme is unknown; %s", want)
		return
	}
	c.url = f.Store
}

// readKeyring says nothing of a file that does not exist: whether the ring is to
// be made depends on what the store holds.
func (f *stateFlags) readKeyring(p *problems, c *storeConfig) {
	if ring := os.Getenv(keyringVariable); strings.TrimSpace(ring) != "" {
		if f.KeyringFile != "" {
			p.add("keyring-file", "%s is set too; give one of them", keyringVariable)
		}
		c.ring = ring
		return
	}
	c.ringFile = f.KeyringFile
	if c.ringFile == "" {
		c.ringFile = filepath.Join(c.dir, keyringFile)
	}
}

// sandboxStore is a SQLite store with its key ring in a directory of its own.
func sandboxStore(dir string, c storeConfig) storeConfig {
	file := filepath.Join(dir, storeFile)
	return storeConfig{
		dir: dir, file: file, url: sqliteURL(file),
		ringFile: filepath.Join(dir, keyringFile),
		settings: c.settings,
	}
}

// sqliteURL names the store of a file.
func sqliteURL(file string) string { return (&url.URL{Scheme: "sqlite", Path: file}).String() }

// name is the store's URL without credentials and options, for logs and for
// telling stores apart.
func (c storeConfig) name() string {
	u, err := url.Parse(c.url)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// exists says whether there is something at a path, or might be.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
