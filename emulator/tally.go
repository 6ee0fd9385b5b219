package emulator

import "encoding/json"

// CustomersByName returns how many customers have each name, so that what was created twice can be told.
func (e *Emulator) CustomersByName() map[string]int {
	all := map[string]int{}
	for c := range e.Customers() {
		all[c.Name]++
	}
	return all
}

// TransactionsByComment returns how many transactions have each comment.
func (e *Emulator) TransactionsByComment() map[string]int {
	all := map[string]int{}
	for t := range e.Transactions() {
		all[t.Comment]++
	}
	return all
}

// dumpCustomers writes a line for every customer.
func (e *Emulator) dumpCustomers(to *json.Encoder) error {
	for c := range e.Customers() {
		row := struct {
			ID        int64  `json:"id"`
			Name      string `json:"name"`
			CreatedAt int64  `json:"created_at"`
			UpdatedAt int64  `json:"updated_at"`
		}{c.ID, c.Name, c.CreatedAt, c.UpdatedAt}
		if err := to.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// dumpTransactions writes a line for every transaction.
func (e *Emulator) dumpTransactions(to *json.Encoder) error {
	for t := range e.Transactions() {
		row := struct {
			ID         int64  `json:"id"`
			CustomerID int64  `json:"customer_id"`
			Price      int64  `json:"price"`
			Date       int64  `json:"date"`
			Comment    string `json:"comment"`
		}{t.ID, t.CustomerID, t.Price, t.Date, t.Comment}
		if err := to.Encode(row); err != nil {
			return err
		}
	}
	return nil
}
