package emulator

// nextPurchase is what a transaction tells of the purchase expected after it; nil: nothing.
type nextPurchase struct {
	date  *int64
	price *amount
}

// purchase stores a new transaction and writes what comes of it to its customer: the plan, earned bonus points and with
// Config.PurchaseMovesStatus the status. Totals need no writing, they are added up when they are asked for. Without a
// change the customer's updated_at stays unless touch is set. The caller holds the store's lock.
func (c *call) purchase(old *Customer, t *Transaction, next nextPurchase, touch bool) {
	st := c.e.customers
	c.e.addPurchase(t, c.now)
	if c.e.config.SystemNotes {
		c.e.noteOfCustomer(noteTransaction, old, map[string]any{"transaction_id": t.ID}, c.now)
	}
	cu := old.clone()
	if !c.e.config.PurchaseLeavesPlan {
		if next.date != nil && *next.date != 0 { // a customer's next_date can be changed but not emptied
			cu.NextDate, touch = *next.date, true
		}
		if next.price != nil {
			cu.NextPrice, cu.NextPriceThousandths, touch = next.price.whole, next.price.thousandths, true
		}
	}
	if c.e.config.PurchaseMovesStatus && c.e.CustomersMode() == ModePeriodicity {
		cu.PeriodID, touch = st.periods.system[StatusBoughtRecently].ID, true
	}
	if t.BonusPoints > 0 {
		cu.BonusPoints, touch = cu.BonusPoints+t.BonusPoints, true
	}
	if !touch {
		return
	}
	cu.UpdatedAt = max(c.now.Unix(), old.UpdatedAt+1)
	cu.UpdatedBy = c.e.config.UserID
	c.e.changeCustomer(old, cu, c.now)
}

// removePurchase deletes a transaction and takes back the bonus points it brought, as far as they are still there. The
// customer's updated_at stays. The caller holds the lock.
func (st *customerStore) removePurchase(t *Transaction) {
	st.purchases.take(t.ID)
	old := st.find(t.CustomerID)
	if old == nil || t.BonusPoints == 0 {
		return
	}
	cu := old.clone()
	cu.BonusPoints = max(0, cu.BonusPoints-t.BonusPoints)
	st.put(cu)
}

// bonusFor returns the points a purchase earns.
func (c *call) bonusFor(price amount) int64 {
	if c.e.config.BonusPercent < 0 || c.e.config.NoLoyalty {
		return 0
	}
	percent := int64(c.e.config.BonusPercent)
	return price.whole/100*percent + price.whole%100*percent/100
}
