package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	// seedSpan is the time the seeded rows are spread over.
	seedSpan = 3 * 365 * 24 * 3600
	// seedBlock is how many rows exchange their places between the order by id and the order by updated_at.
	seedBlock = 64
	seedFirst = 466000 // the ids begin above it
	// seedStride is the mean distance of two ids; ids have gaps as in an account where rows were deleted.
	seedStride = 3

	seedContacts  = 1_000_000  // contact ids begin above it
	seedCompanies = 20_000_000 // company ids begin above it
	seedPeriodIDs = 112_800    // period ids begin above it
	seedCatalog   = 4521       // the one catalogue that customers have elements of
)

// seed makes customer i out of nothing but its settings and i. In order of i the rows ascend by updated_at and id, so
// a list of any length needs no memory. Ids are shuffled within blocks, so both orders differ, and some neighbours share
// their updated_at, so the tie-break shows.
type seed struct {
	n     int
	value uint64
	start int64 // unix seconds; no seeded time but that of a next purchase or task is outside start to SeedEnd
	step  int64 // seconds between two rows, on average
	users []int64

	spread *spread // nil: evenly
}

func newSeed(c Config) *seed {
	rows := int64(c.Customers) + seedBlock + 2
	step := max(1, int64(seedSpan)/rows)
	s := &seed{
		n: c.Customers, value: c.Seed, step: step, start: c.SeedEnd.Unix() - rows*step,
		users: []int64{c.UserID, c.UserID + 3, c.UserID + 11, c.UserID + 12},
	}
	if c.SeedSpread == SeedRandom {
		s.start -= int64(c.SeedSpan / time.Second) // who was made before it may be updated at any second of it
		s.spread = newSpread(s, c)
	}
	return s
}

// dice is a stream of pseudo-random numbers (splitmix64): stable over Go versions, cheap to start anywhere.
type dice uint64

// What a stream is for; rows draw each aspect from a stream of its own, so that a list can filter without making rows.
const (
	saltBlock = iota + 1
	saltID
	saltCreated
	saltUpdated
	saltHead
	saltRow
	saltCompany
	saltPurchases
	saltTransaction
	saltSpread
	saltBurst
)

func (s *seed) dice(salt uint64, i int) dice {
	d := dice(s.value ^ salt*0xd6e8feb86659fd93)
	d = dice(d.next() ^ uint64(i)*0x9e3779b97f4a7c15) //nolint:gosec // any bits do
	d.next()
	return d
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (d *dice) below(n int64) int64 {
	return int64(d.next() >> 1 % uint64(n)) //nolint:gosec // n is above zero, and what is below it fits
}

func pick[T any](d *dice, from []T) T { return from[d.below(int64(len(from)))] }

// position returns the place of row i in the order by id; row is its inverse. Within a full block the places are an
// affine permutation, in the last, partial one a rotation.
func (s *seed) position(i int) int {
	if s.spread != nil {
		return s.spread.position(i)
	}
	first, size, mult, shift := s.block(i)
	return first + ((i-first)*mult+shift)%size
}

func (s *seed) row(position int) int {
	if s.spread != nil {
		return int(s.spread.at[position])
	}
	first, size, mult, shift := s.block(position)
	k := (position - first + size - shift%size) % size
	return first + k*inverse(mult)%size
}

func (s *seed) block(i int) (first, size, mult, shift int) {
	first = i - i%seedBlock
	d := s.dice(saltBlock, first)
	mult, shift = int(d.below(seedBlock))|1, int(d.below(seedBlock))
	size = min(seedBlock, s.n-first)
	if size < seedBlock {
		mult = 1
	}
	return first, size, mult, shift
}

// inverse returns the x below seedBlock with a*x = 1 modulo seedBlock; a is odd. An odd number is its own inverse in
// the lowest three bits, and one step of Newton's doubles the bits that are right.
func inverse(a int) int { return a * (2 - a*a) & (seedBlock - 1) }

// idAt returns the id at a place of the order by id.
func (s *seed) idAt(position int) int64 {
	d := s.dice(saltID, position)
	return seedFirst + int64(position)*seedStride + d.below(seedStride)
}

func (s *seed) id(i int) int64 { return s.idAt(s.position(i)) }

// endID is the first id above every seeded one.
func (s *seed) endID() int64 { return seedFirst + int64(s.n)*seedStride + 1 }

// indexOf returns the row with an id.
func (s *seed) indexOf(id int64) (int, bool) {
	position := (id - seedFirst) / seedStride
	if id < seedFirst || position >= int64(s.n) || s.idAt(int(position)) != id {
		return 0, false
	}
	return s.row(int(position)), true
}

func (s *seed) createdAt(i int) int64 {
	p := s.position(i)
	d := s.dice(saltCreated, p)
	return s.start + int64(p)*s.step + d.below(s.step)
}

// updatedAt is at least one step behind the creation of any row of the block. Every eighth row shares the time of the
// row before it where that keeps the ids ascending.
func (s *seed) updatedAt(i int) int64 {
	if s.spread != nil {
		return s.spread.updatedAt(i)
	}
	d := s.dice(saltUpdated, i)
	own := s.start + (int64(i)+seedBlock+1)*s.step + d.below(s.step)
	if d.below(8) != 0 || i == 0 || s.position(i) < s.position(i-1) {
		return own
	}
	d = s.dice(saltUpdated, i-1)
	return s.start + (int64(i)+seedBlock)*s.step + d.below(s.step)
}

// head is what filters need to know of a row.
type head struct {
	id, user, created, updated, nextDate int64
}

func (c *Customer) head() head {
	return head{c.ID, c.ResponsibleUserID, c.CreatedAt, c.UpdatedAt, c.NextDate}
}

func (s *seed) head(i int) head {
	d := s.dice(saltHead, i)
	updated := s.updatedAt(i)
	return head{
		id: s.id(i), created: s.createdAt(i), updated: updated,
		user:     s.users[min(d.below(6), int64(len(s.users))-1)],
		nextDate: updated - updated%86400 + (d.below(120)-15)*86400 + 6*3600,
	}
}

// companyName names a company of the seed; one in ten has lost its name.
func (s *seed) companyName(id int64) (string, bool) {
	if id <= seedCompanies || id > seedCompanies+int64(s.n) {
		return "", false
	}
	d := s.dice(saltCompany, int(id))
	if d.below(10) == 0 {
		return "", false
	}
	return company(&d), true
}

func company(d *dice) string {
	if d.below(3) == 0 {
		return pick(d, companyNamesEN) + " " + pick(d, []string{"LLC", "Ltd", "Inc.", "GmbH"})
	}
	return pick(d, []string{"ООО", "АО", "ИП", "ЗАО"}) + " «" + pick(d, companyNamesRU) + "»"
}

// customer makes row i.
func (s *seed) customer(i int) *Customer {
	h := s.head(i)
	d := s.dice(saltRow, i)
	c := &Customer{
		ID: h.id, ResponsibleUserID: h.user, CreatedAt: h.created, UpdatedAt: h.updated, NextDate: h.nextDate,
		CreatedBy: pick(&d, s.users), UpdatedBy: pick(&d, s.users),
		NextPrice:   (d.below(400) + 1) * 250,
		Periodicity: pick(&d, []int64{0, 0, 7, 14, 30, 30, 60, 90}),
		PeriodID:    seedPeriodIDs + 1 + d.below(6),
		SegmentIDs:  s.segmentsAt(s.position(i)),
	}
	p := person(&d)
	c.Name = p.name
	if d.below(4) == 0 {
		c.Name = company(&d)
	}
	switch d.below(12) {
	case 0:
		c.ClosestTaskAt = -62169993017 // the year 0 in the account's zone, seen in a recording
	case 1, 2, 3, 4:
		c.ClosestTaskAt = h.nextDate - d.below(10)*86400
	}
	first := int64(seedContacts) + int64(i)*2
	for k := range d.below(4) {
		c.ContactIDs = append(c.ContactIDs, first+k%2+k/2*int64(s.n+7)*2)
	}
	if len(c.ContactIDs) > 0 {
		c.MainContactID = pick(&d, c.ContactIDs)
	}
	if d.below(3) == 0 {
		c.CompanyID = seedCompanies + 1 + d.below(int64(s.n))
	}
	for from, n := d.below(int64(len(seedTags))), d.below(4); n > 0; n-- {
		c.Tags = append(c.Tags, seedTags[(from+n*3)%int64(len(seedTags))])
	}
	if d.below(9) == 0 {
		c.CatalogElements = []CatalogElement{{CatalogID: seedCatalog, ElementID: 890001 + d.below(40), Quantity: 1 + d.below(5)}}
	}
	for k := range seedFields {
		f := &seedFields[k]
		if i%(2*len(seedFields)) == k || d.below(5) == 0 { // so that few rows show every type
			c.CustomFields = append(c.CustomFields, CustomField{ID: f.ID, Values: s.fieldValues(f, &d, p)})
		}
	}
	return c
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }

// human is whom a row speaks of.
type human struct{ name, login string }

func person(d *dice) human {
	if d.below(3) == 0 {
		first, last := pick(d, firstNamesEN), pick(d, lastNamesEN)
		return human{first + " " + last, strings.ToLower(first[:1] + "." + strings.ReplaceAll(last, "'", ""))}
	}
	k := d.below(int64(len(firstNamesRU)))
	last := pick(d, lastNamesRU)
	if k%2 == 1 { // every second first name is a woman's
		last.name += "а"
	}
	return human{firstNamesRU[k] + " " + last.name, last.latin + digits(d.below(90)+10)}
}

func (s *seed) fieldValues(f *Field, d *dice, p human) []FieldValue {
	switch f.Type {
	case FieldText:
		return []FieldValue{{Value: pick(d, remarks)}}
	case FieldNumeric:
		if d.below(2) == 0 {
			return []FieldValue{{Value: fmt.Sprintf("%d.%d", d.below(30), 1+d.below(9))}}
		}
		return []FieldValue{{Value: digits(d.below(30) + 1)}}
	case FieldCheckbox:
		return []FieldValue{{Value: "1"}}
	case FieldSelect, FieldRadiobutton:
		e := pick(d, f.Enums)
		return []FieldValue{{Value: e.Value, Enum: e.ID}}
	case FieldMultiselect:
		var values []FieldValue
		for mask, k := d.below(1<<len(f.Enums)-1)+1, 0; k < len(f.Enums); k++ {
			if mask&(1<<k) != 0 {
				values = append(values, FieldValue{Value: f.Enums[k].Value, Enum: f.Enums[k].ID})
			}
		}
		return values
	case FieldDate:
		return []FieldValue{{Value: s.day(d, 0, 1000) + " 00:00:00"}}
	case FieldBirthday:
		return []FieldValue{{Value: s.day(d, 20*365, 50*365) + " 00:00:00"}}
	case FieldDateTime:
		return []FieldValue{{Value: s.day(d, 0, 300) + fmt.Sprintf(" %02d:%02d:00", 9+d.below(10), d.below(12)*5)}}
	case FieldURL:
		return []FieldValue{{Value: "https://" + strings.ReplaceAll(p.login, ".", "-") + ".example.com/?from=crm"}}
	case FieldMultitext:
		return multitext(f, d, p)
	case FieldTextarea:
		return []FieldValue{{Value: pick(d, remarks) + "\n" + pick(d, remarks)}}
	case FieldStreetAddress:
		city := pick(d, cities)
		return []FieldValue{{Value: fmt.Sprintf("%s, %s, %d", city.name, pick(d, city.streets), 1+d.below(90))}}
	case FieldSmartAddress:
		city := pick(d, cities)
		values := []FieldValue{{Value: fmt.Sprintf("%s, %d", pick(d, city.streets), 1+d.below(90)), Subtype: "address_line_1"}}
		if d.below(2) == 0 {
			values = append(values, FieldValue{Value: fmt.Sprintf("%d/%d", 1+d.below(200), 1+d.below(4)), Subtype: "address_line_2"})
		}
		return append(values,
			FieldValue{Value: city.name, Subtype: "city"},
			FieldValue{Value: city.zip, Subtype: "zip"},
			FieldValue{Value: city.country, Subtype: "country"})
	case FieldLegalEntity:
		return []FieldValue{{Object: map[string]any{
			"name": company(d), "entity_type": 1 + d.below(2), "vat_id": digits(7700000000 + d.below(99999999)),
			"kpp": digits(770100000 + d.below(99999)), "address": pick(d, cities).name,
		}}}
	case FieldItems:
		var values []FieldValue
		for range 1 + d.below(2) {
			values = append(values, FieldValue{Object: map[string]any{
				"description": pick(d, goods), "unit_price": json.Number(fmt.Sprintf("%d.50", 100+d.below(900))),
				"unit_type": "pc", "quantity": json.Number(digits(1 + d.below(12))),
				"discount":    map[string]any{"type": "percentage", "value": json.Number(digits(d.below(20)))},
				"vat_rate_id": int64(0), "external_uid": fmt.Sprintf("SKU-%05d", d.below(99999)),
			}})
		}
		return values
	case FieldOrgLegalName:
		return []FieldValue{{Object: map[string]any{
			"name": company(d), "entity_type": int64(2), "vat_id": digits(7800000000 + d.below(99999999)),
			"city": pick(d, cities).name,
		}}}
	case FieldPrice, FieldCategory, FieldTrackingData, FieldLinkedEntity,
		FieldChainedList, FieldMonetary, FieldFile, FieldPayer, FieldSupplier: // of no seeded field
	}
	return nil
}

func multitext(f *Field, d *dice, p human) []FieldValue {
	var values []FieldValue
	for range 1 + d.below(2) {
		e := pick(d, f.Enums)
		value := fmt.Sprintf("+7 (9%02d) %03d-%02d-%02d", d.below(100), d.below(1000), d.below(100), d.below(100))
		if f.Code == "EMAIL" {
			value = fmt.Sprintf("%s@example.%s", p.login, pick(d, []string{"com", "org", "net"}))
		}
		values = append(values, FieldValue{Value: value, Enum: e.ID})
	}
	return values
}

// day returns a day of the past, from to to days before the seed's first.
func (s *seed) day(d *dice, from, to int64) string {
	return time.Unix(s.start-(from+d.below(to-from))*86400, 0).UTC().Format("2006-01-02")
}
