package emulator

import (
	"errors"
	"net/http"
	"sync"
)

// CustomersMode is how the account keeps its customers.
type CustomersMode string

// The modes of customers.
const (
	ModeUnavailable CustomersMode = "unavailable" // not in the plan
	ModeDisabled    CustomersMode = "disabled"    // switched off
	ModeSegments    CustomersMode = "segments"
	ModePeriodicity CustomersMode = "periodicity"
	ModeDynamic     CustomersMode = "dynamic" // an old name of ModeSegments
)

// modeStore is the account's mode of customers, which a request can change. It has a lock of its own, under which no
// other is taken.
type modeStore struct {
	mu   sync.RWMutex
	mode CustomersMode
}

func (st *modeStore) get() CustomersMode {
	st.mu.RLock()
	defer st.mu.RUnlock()
	return st.mode
}

func (st *modeStore) set(m CustomersMode) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.mode = m
}

// CustomersMode returns the mode customers are in now.
func (e *Emulator) CustomersMode() CustomersMode { return e.mode.get() }

// segments reports whether customers live in segments instead of periods.
func (e *Emulator) segments() bool {
	m := e.mode.get()
	return m == ModeSegments || m == ModeDynamic
}

// customersState is the state of the customers function, which follows the mode.
func (e *Emulator) customersState() CustomersState {
	switch state := e.config.CustomersState; e.mode.get() {
	case ModeDisabled:
		return CustomersOff
	case ModeUnavailable:
		if state == CustomersUnpaid {
			return state
		}
		return CustomersUnavailable
	default:
		if state == CustomersNoRights {
			return state
		}
		return CustomersOn
	}
}

// settleMode makes one of the mode and of the older settings it replaces: what is not set follows from what is.
func (c *Config) settleMode() error {
	implied := ModePeriodicity
	switch c.CustomersState {
	case CustomersOff:
		implied = ModeDisabled
	case CustomersUnavailable, CustomersUnpaid:
		implied = ModeUnavailable
	case CustomersOn, CustomersNoRights:
		if c.Segments {
			implied = ModeSegments
		}
	}
	plain := c.CustomersState == CustomersOn && !c.Segments
	switch c.CustomersMode {
	case "":
		c.CustomersMode = implied
	case ModeUnavailable, ModeDisabled, ModeSegments, ModePeriodicity, ModeDynamic:
		agrees := c.CustomersMode == implied || c.CustomersMode == ModeDynamic && implied == ModeSegments
		if !plain && !agrees && (c.CustomersState != CustomersNoRights || c.Segments) {
			return errors.New("customers mode: contradicts customers state or segments; set one of them")
		}
	default:
		return errors.New("customers mode: is none of unavailable, disabled, segments, periodicity and dynamic")
	}
	return nil
}

// customersProblems is what a customers function that is not simply on answers at /api/v4/customers. That of an account
// which is switched off is recorded, the others follow it.
var customersProblems = map[CustomersState]problem{
	CustomersOff:         {status: http.StatusBadRequest, detail: "Error 426."},
	CustomersUnavailable: {status: http.StatusBadRequest, detail: "Error 425."},
	CustomersUnpaid:      {status: http.StatusPaymentRequired, detail: "Error 402."},
	CustomersNoRights:    {status: http.StatusBadRequest, detail: "Error 288."},
}

// checkCustomersV4 refuses a call to customers themselves when there are none.
func (c *call) checkCustomersV4() error {
	p, ok := customersProblems[c.e.customersState()]
	if !ok {
		return nil
	}
	return &p
}

// checkBelowCustomers refuses a call to segments, statuses, fields and the like when there are no customers: switched
// off they answer otherwise than customers do.
func (c *call) checkBelowCustomers() error {
	if c.e.customersState() == CustomersOff {
		return &problem{status: http.StatusUnprocessableEntity, detail: disabledDetail}
	}
	return c.checkCustomersV4()
}
