package emulator

import "net/http"

// OpV4CustomersMode is the operation that switches customers on, off and between modes.
const OpV4CustomersMode = "v4.customers_mode"

var v4ModeRoutes = []v4Route{
	{http.MethodPatch, "/api/v4/customers/mode", OpV4CustomersMode, (*call).changeMode},
}

// changeMode answers PATCH /api/v4/customers/mode. What customers have in one mode stays for the time they are in it
// again.
func (c *call) changeMode() (*reply, error) {
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	if err := c.checkAdminV4(); err != nil {
		return nil, err
	}
	r, err := c.readRow(
		key{"mode", true, oneOf(string(ModeSegments), string(ModePeriodicity))},
		key{"is_enabled", true, isBool},
	)
	if err != nil {
		return nil, err
	}
	if err := invalid(r); err != nil {
		return nil, err
	}
	mode, enabled := CustomersMode(r.get("mode").str()), r.get("is_enabled").str() != ""
	next := mode
	if !enabled {
		next = ModeDisabled
	}
	if !c.e.mode.change(next) {
		return nil, &problem{status: http.StatusPaymentRequired, detail: "Error 402."}
	}
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	var w jsonWriter
	w.open('{')
	w.keyText("mode", string(mode))
	w.keyBool("is_enabled", enabled)
	w.close('}')
	return c.halReply(w.buf), nil
}

// change sets the mode and reports whether the account's plan has one.
func (st *modeStore) change(m CustomersMode) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.mode == ModeUnavailable {
		return false
	}
	st.mode = m
	return true
}
