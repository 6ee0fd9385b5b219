package emulator

import "net/http"

// OpV4BonusPoints is the operation that earns and redeems bonus points.
const OpV4BonusPoints = "v4.bonus_points"

var v4BonusRoutes = []v4Route{
	{http.MethodPost, "/api/v4/customers/{customer}/bonus_points", OpV4BonusPoints, (*call).changeBonus},
}

// Details of refusals, all ours.
const (
	oneBonusDetail  = "Exactly one of earn and redeem is needed"
	fewBonusDetail  = "Not enough bonus points"
	noLoyaltyDetail = "Loyalty cards are switched off"
)

// maxBonus is the largest number of points a call earns or redeems; ours, so that balances stay numbers.
const maxBonus = 1_000_000_000_000

// isPoints takes a number of points.
func isPoints(r *row, path string, n *node) {
	isInt(r, path, n)
	if i, ok := n.integer(); n.kind == nodeNumber && ok && (i <= 0 || i > maxBonus) {
		r.refuse("InvalidType", path, "This value should be positive.")
	}
}

// changeBonus answers POST /api/v4/customers/{customer}/bonus_points with the new balance. The customer's updated_at
// stays.
func (c *call) changeBonus() (*reply, error) {
	if err := c.checkCustomersV4(); err != nil {
		return nil, err
	}
	if err := c.checkQuery(); err != nil {
		return nil, err
	}
	r, err := c.readRow(key{"earn", false, isPoints}, key{"redeem", false, isPoints})
	if err != nil {
		return nil, err
	}
	if err := invalid(r); err != nil {
		return nil, err
	}
	earn, earns := r.get("earn").integer()
	redeem, redeems := r.get("redeem").integer()
	switch {
	case earns == redeems:
		return nil, &problem{status: http.StatusBadRequest, detail: oneBonusDetail}
	case c.e.config.NoLoyalty:
		return nil, &problem{status: http.StatusBadRequest, detail: noLoyaltyDetail}
	}
	st := c.e.customers
	st.mu.Lock()
	defer st.mu.Unlock()
	old := st.find(c.id("customer"))
	switch {
	case old == nil:
		return nil, &problem{status: http.StatusNotFound, detail: noCustomerDetail}
	case redeem > old.BonusPoints:
		return nil, &problem{status: http.StatusBadRequest, detail: fewBonusDetail}
	}
	cu := old.clone()
	cu.BonusPoints += earn - redeem
	st.put(cu)
	c.e.counters.change(func(s *Stats) { s.Updated++ })
	var w jsonWriter
	w.open('{')
	w.keyInteger("bonus_points", cu.BonusPoints)
	w.close('}')
	return c.halReply(w.buf), nil
}
