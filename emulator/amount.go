package emulator

import (
	"math"
	"strconv"
	"strings"
)

// amount is a sum of money or a quantity: whole units and, beyond them, thousandths of one, 0 to 999. Three digits are
// what the finest currencies have; more are cut off.
type amount struct{ whole, thousandths int64 }

// maxWhole keeps amounts within what a double, which the service computes with, holds to the last unit.
const maxWhole = 1 << 53

// amount reads a JSON number, whole or not. Text is no number here: generation v4 does not convert types.
func (n *node) amount() (amount, bool) {
	if n == nil || n.kind != nodeNumber {
		return amount{}, false
	}
	text := n.text
	if strings.ContainsAny(text, "eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(f) > maxWhole {
			return amount{}, false
		}
		text = strconv.FormatFloat(f, 'f', -1, 64)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	w, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || w < 0 || w > maxWhole || strings.HasPrefix(whole, "-") {
		return amount{}, false
	}
	t, err := strconv.ParseInt((fraction + "000")[:3], 10, 64)
	return amount{w, t}, err == nil
}

func (a amount) isZero() bool { return a == amount{} }

// add returns the sum, which stops at the largest whole number.
func (a amount) add(b amount) amount {
	t := a.thousandths + b.thousandths
	if a.whole > math.MaxInt64-b.whole-t/1000 {
		return amount{whole: math.MaxInt64}
	}
	return amount{a.whole + b.whole + t/1000, t % 1000}
}

// over returns the nth part, n being above 0; what is below a thousandth is cut off.
func (a amount) over(n int64) amount {
	return amount{a.whole / n, (a.whole%n*1000 + a.thousandths) / n} // n is a number of rows: nothing overflows
}

// append writes the amount with its fraction, which is never left out: 4200.0.
func (a amount) append(b []byte) []byte {
	b = strconv.AppendInt(b, a.whole, 10)
	fraction := strconv.FormatInt(1000+a.thousandths, 10)[1:]
	fraction = fraction[:1] + strings.TrimRight(fraction[1:], "0")
	return append(append(b, '.'), fraction...)
}

func (a amount) String() string { return string(a.append(nil)) }

// keyAmount writes an amount twice: its whole units under name, all of it beside them unless the account is too old
// for that.
func (c *call) keyAmount(w *jsonWriter, name string, a amount) {
	w.keyInteger(name, a.whole)
	if !c.e.config.NoMinorUnits {
		w.keyRaw(name+"_with_minor_units", a.String())
	}
}

// keyQuantity writes a quantity as a whole number where it is one.
func keyQuantity(w *jsonWriter, name string, a amount) {
	if a.thousandths == 0 {
		w.keyInteger(name, a.whole)
		return
	}
	w.keyRaw(name, a.String())
}
