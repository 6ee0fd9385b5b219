package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// adminRoutes are the paths below adminPrefix by method and path: what a process does that cannot call methods. Each
// takes its parameters from the query and returns what is answered as JSON; nil is answered 204.
var adminRoutes = map[string]func(*call) (any, error){
	"GET stats":             func(c *call) (any, error) { return c.e.Stats(), nil },
	"DELETE stats":          (*call).adminResetStats,
	"POST oauth/code":       func(c *call) (any, error) { return map[string]string{"code": c.e.IssueCode()}, nil },
	"POST oauth/pair":       func(c *call) (any, error) { return c.e.IssuePair() },
	"POST oauth/long-lived": (*call).adminLongLived,
	"GET oauth/live":        func(c *call) (any, error) { return map[string]int{"pairs": c.e.LivePairs()}, nil },
	"POST oauth/expire":     adminDo(func(c *call) { c.e.ExpireAccess() }),
	"POST oauth/revoke":     adminDo(func(c *call) { c.e.RevokeRefresh() }),
	"POST oauth/disconnect": adminDo(func(c *call) { c.e.Disconnect() }),
	"POST oauth/secret":     (*call).adminSecret,
	"POST rename":           (*call).adminRename,
	"POST clock":            (*call).adminClock,
	"POST window":           (*call).adminWindow,
	"POST ban":              (*call).adminBan,
	"POST unban":            adminDo(func(c *call) { c.e.Unban() }),
	"POST sessions/expire":  adminDo(func(c *call) { c.e.ExpireSessions() }),
	"POST faults":           (*call).adminFaults,
	"POST mutator":          (*call).adminMutate,
	"DELETE mutator":        func(c *call) (any, error) { return c.e.StopMutating(), nil },
	"DELETE faults":         adminDo(func(c *call) { c.e.ClearFaults() }),
}

// adminDumps are the paths that answer one JSON object a line.
var adminDumps = map[string]func(*Emulator, *json.Encoder) error{
	"GET customers":    (*Emulator).dumpCustomers,
	"GET transactions": (*Emulator).dumpTransactions,
}

func adminDo(f func(*call)) func(*call) (any, error) {
	return func(c *call) (any, error) {
		f(c)
		return nil, nil
	}
}

// admin answers the paths where the emulator speaks of itself.
func (c *call) admin(path string) *reply {
	route := c.request.Method + " " + path
	if dump, ok := adminDumps[route]; ok {
		var b bytes.Buffer
		if err := dump(c.e, json.NewEncoder(&b)); err != nil {
			return adminRefused(err)
		}
		return newReply(http.StatusOK, "application/x-ndjson", b.Bytes())
	}
	do, ok := adminRoutes[route]
	if !ok {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if _, other := adminRoutes[method+" "+path]; other {
				return htmlReply(http.StatusMethodNotAllowed)
			}
		}
		return htmlReply(http.StatusNotFound)
	}
	c.query = parseForm(c.request.URL.RawQuery)
	answer, err := do(c)
	if err != nil {
		return adminRefused(err)
	}
	if answer == nil {
		return emptyReply()
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return adminRefused(err)
	}
	return newReply(http.StatusOK, "application/json", append(body, '\n'))
}

func adminRefused(err error) *reply {
	return newReply(http.StatusBadRequest, "text/plain; charset=UTF-8", []byte(err.Error()+"\n"))
}

func (c *call) adminResetStats() (any, error) {
	c.e.ResetStats()
	return c.e.Stats(), nil
}

func (c *call) adminLongLived() (any, error) {
	life, err := c.adminDuration("life")
	if err != nil {
		return nil, err
	}
	token, err := c.e.IssueLongLived(life)
	if err != nil {
		return nil, err
	}
	return map[string]string{"access_token": token}, nil
}

func (c *call) adminSecret() (any, error) {
	secret := c.query.get("secret").str()
	if secret == "" {
		return nil, errors.New("secret: is missing")
	}
	c.e.ReplaceClientSecret(secret)
	return nil, nil
}

func (c *call) adminRename() (any, error) {
	host := c.query.get("host").str()
	if host == "" {
		return nil, errors.New("host: is missing")
	}
	c.e.Rename(host)
	return nil, nil
}

func (c *call) adminClock() (any, error) {
	offset, err := c.adminDuration("offset")
	if err != nil {
		return nil, err
	}
	c.e.SetClock(offset)
	return nil, nil
}

func (c *call) adminWindow() (any, error) {
	n, ok := c.query.get("limit").integer()
	if !ok || n < 0 || n > math.MaxInt32 {
		return nil, fmt.Errorf("limit: %q is not a number of requests; 0 admits any", c.query.get("limit").str())
	}
	c.e.SetWindow(int(n))
	return nil, nil
}

func (c *call) adminBan() (any, error) {
	length := c.e.config.BanFor
	if c.query.get("for") != nil {
		var err error
		if length, err = c.adminDuration("for"); err != nil {
			return nil, err
		}
	}
	c.e.Ban(length)
	return nil, nil
}

// adminFaults adds the rules of a fault file, which is the body.
func (c *call) adminFaults() (any, error) {
	body, err := readBody(c.request)
	if err != nil {
		return nil, fmt.Errorf("read faults: %w", err)
	}
	return nil, c.e.LoadFaults(bytes.NewReader(body))
}

// adminMutate begins what Mutate does; a rate that is not named is 0.
func (c *call) adminMutate() (any, error) {
	var m Mutation
	for name, rate := range map[string]*float64{"updates": &m.Updates, "inserts": &m.Inserts, "deletes": &m.Deletes} {
		n := c.query.get(name)
		if n == nil {
			continue
		}
		var err error
		if *rate, err = strconv.ParseFloat(n.str(), 64); err != nil {
			return nil, fmt.Errorf("%s: %q is not a number of customers a second", name, n.str())
		}
	}
	if n := c.query.get("seed"); n != nil {
		var err error
		if m.Seed, err = strconv.ParseUint(n.str(), 10, 64); err != nil {
			return nil, fmt.Errorf("seed: %q is not a whole number", n.str())
		}
	}
	return nil, c.e.Mutate(m)
}

func (c *call) adminDuration(key string) (time.Duration, error) {
	text := c.query.get(key).str()
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a duration such as 15m", key, text)
	}
	return d, nil
}
