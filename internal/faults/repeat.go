package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/amogate/amogate/emulator"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// repeats is how often a call is made at the same time.
const repeats = 16

// repeatable is the creation of a customer with a request id.
func repeatable(name string) *amogatev1.CreateCustomerRequest {
	return &amogatev1.CreateCustomerRequest{RequestId: "id", Customer: &amogatev1.Customer{Name: name, NextPurchaseTime: due}}
}

// made counts the customers of these rows.
func (f *farm) made() (customers, twice int) {
	for name, n := range f.emulator.CustomersByName() {
		if len(name) < len(batchName) || name[:len(batchName)] != batchName {
			continue
		}
		customers += n
		twice += n - 1
	}
	return customers, twice
}

// batchName begins the names of the customers of these rows.
const batchName = "Repeated "

// repeatedTogether makes the same call many times at once, of one process over
// SQLite and of two over PostgreSQL.
func (x *executable) repeatedTogether(ctx context.Context, writes int) (string, error) {
	slow := func(c *emulator.Config) { c.Latency = 200 * time.Millisecond }
	return inTurn(ctx,
		func(ctx context.Context) (string, error) {
			return onFarm(ctx, farmConfig{emulated: slow}, func(f *farm) (string, error) { return f.repeatedTogether(ctx, 1, writes) })
		},
		func(ctx context.Context) (string, error) {
			return x.onPostgres(ctx, farmConfig{emulated: slow}, func(f *farm) (string, error) { return f.repeatedTogether(ctx, 2, writes) })
		})
}

func (f *farm) repeatedTogether(ctx context.Context, replicas, writes int) (string, error) {
	var hands []*farmhand
	for range replicas {
		h, err := f.replica(ctx)
		if err != nil {
			return "", err
		}
		hands = append(hands, h)
	}
	answers, errs := make([]*amogatev1.Customer, repeats), make([]error, repeats)
	var all sync.WaitGroup
	for i := range repeats {
		all.Go(func() {
			answers[i], errs[i] = hands[i%replicas].customers.CreateCustomer(onAccount(ctx, shop), repeatable(batchName))
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	for i, answer := range answers {
		if !proto.Equal(answer, answers[0]) {
			return "", fmt.Errorf("answer %d is %v, the first one %v", i, answer, answers[0])
		}
	}
	if n, _ := f.made(); n != writes {
		return "", fmt.Errorf("%d customers were made, want %d", n, writes)
	}
	return fmt.Sprintf("%d replicas: %d equal answers of %d write", replicas, repeats, writes), nil
}

// otherBody makes another call with a request id that was used, at each of two
// replicas.
func (x *executable) otherBody(ctx context.Context, code codes.Code, reason string) (string, error) {
	return x.onPostgres(ctx, farmConfig{}, func(f *farm) (string, error) { return f.otherBody(ctx, 2, code, reason) })
}

func (f *farm) otherBody(ctx context.Context, replicas int, code codes.Code, reason string) (string, error) {
	for n := range replicas {
		h, err := f.replica(ctx)
		if err != nil {
			return "", err
		}
		if _, err := h.customers.CreateCustomer(onAccount(ctx, shop), repeatable(batchName)); err != nil {
			return "", fmt.Errorf("replica %d: the same call: %w", n, err)
		}
		begun := time.Now()
		_, err = h.customers.CreateCustomer(onAccount(ctx, shop), repeatable(batchName+"otherwise"))
		failed := failureOf(err)
		if err := failed.want(code, reason); err != nil {
			return "", fmt.Errorf("replica %d, after %s: %w", n, round(time.Since(begun)), err)
		}
		if len(failed.fields) != 1 || failed.fields[0] != "request_id" {
			return "", fmt.Errorf("replica %d: the fields at fault are %q", n, failed.fields)
		}
	}
	if n, _ := f.made(); n != 1 {
		return "", fmt.Errorf("%d customers were made, want 1", n)
	}
	return fmt.Sprintf("refused by %d replicas", replicas), nil
}

const (
	// longBatch is how many customers a batch has that does not come to its end,
	// and heldRequest the number of its request that upstream answers late.
	longBatch   = 400
	heldRequest = 2
)

// namedBatch is a batch with a request id.
func namedBatch() *amogatev1.BatchCreateCustomersRequest {
	batch := &amogatev1.BatchCreateCustomersRequest{RequestId: "batch"}
	for i := range longBatch {
		batch.Requests = append(batch.Requests, &amogatev1.CreateCustomerRequest{
			Customer: &amogatev1.Customer{Name: batchName + strconv.Itoa(i), NextPurchaseTime: due},
		})
	}
	return batch
}

// creates is how many requests to make customers upstream has seen.
func (f *farm) creates() int64 {
	by := f.emulator.Stats().ByOperation
	return by[emulator.OpCustomersWrite] + by[emulator.OpV4CustomersCreate]
}

// hold lets upstream answer a request to make customers late.
func (f *farm) hold(nth int, delay time.Duration) error {
	var rules []emulator.Rule
	for _, operation := range []string{emulator.OpCustomersWrite, emulator.OpV4CustomersCreate} {
		rules = append(rules, emulator.Rule{Match: emulator.Match{Operation: operation, Nth: nth}, Action: emulator.Action{Delay: delay}})
	}
	return f.emulator.Script(rules...)
}

// killedInBatch kills a process in the middle of a batch and repeats the call at
// the next one, over both engines.
func (x *executable) killedInBatch(ctx context.Context, duplicates int) (string, error) {
	row := func(f *farm) (string, error) { return f.killedInBatch(ctx, duplicates) }
	return inTurn(ctx,
		func(ctx context.Context) (string, error) {
			text, err := onFarm(ctx, farmConfig{}, row)
			return "SQLite: " + text, err
		},
		func(ctx context.Context) (string, error) {
			text, err := x.onPostgres(ctx, farmConfig{}, row)
			return "PostgreSQL: " + text, err
		})
}

func (f *farm) killedInBatch(ctx context.Context, duplicates int) (string, error) {
	config := f.config()
	first, err := f.hire(ctx, config)
	if err != nil {
		return "", err
	}
	if err := f.hold(heldRequest, time.Minute); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := first.customers.BatchCreateCustomers(onAccount(ctx, shop), namedBatch())
		ended <- err
	}()
	for f.creates() < heldRequest {
		if err := pause(ctx, time.Millisecond); err != nil {
			return "", fmt.Errorf("request %d never left: %w", heldRequest, err)
		}
	}
	first.kill()
	if err := <-ended; err == nil {
		return "", errors.New("the batch came to its end")
	}
	f.emulator.ClearFaults()
	before := f.creates()
	next, err := f.hire(ctx, config)
	if err != nil {
		return "", err
	}
	var known [2]map[string]int64
	unknown := 0
	for n := range known {
		answer, err := next.customers.BatchCreateCustomers(onAccount(ctx, shop), namedBatch())
		if err != nil {
			return "", fmt.Errorf("repeated: %w", err)
		}
		known[n], unknown = map[string]int64{}, 0
		for i, result := range answer.GetResults() {
			name := batchName + strconv.Itoa(i)
			if made := result.GetCustomer(); made != nil {
				known[n][name] = made.GetId()
				if stored, ok := f.emulator.Customer(made.GetId()); !ok || stored.Name != name {
					return "", fmt.Errorf("item %d got the id of %q", i, stored.Name)
				}
				continue
			}
			unknown++
			if err := itemFailure(result).want(codes.Unknown, "WRITE_OUTCOME_UNKNOWN"); err != nil {
				return "", fmt.Errorf("item %d: %w", i, err)
			}
		}
	}
	made, twice := f.made()
	switch {
	case f.creates() != before:
		return "", fmt.Errorf("%d more requests were sent", f.creates()-before)
	case twice != duplicates:
		return "", fmt.Errorf("%d customers were made twice, want %d", twice, duplicates)
	case len(known[0]) != made || made == 0:
		return "", fmt.Errorf("%d customers were made and %d are OK", made, len(known[0]))
	case len(known[1]) != made:
		return "", fmt.Errorf("%d are OK when it is repeated again, not %d", len(known[1]), made)
	}
	return fmt.Sprintf("%d of %d OK, %d UNKNOWN, 0 sent again", made, longBatch, unknown), nil
}

// stoppedInBatch stops a process in the middle of a batch, and repeats the call at
// the next one: the request on the wire ends, the rest was not attempted and is
// sent by the next process. At a request every two seconds, the third one is not
// due before the first one of the drain has ended.
func (x *executable) stoppedInBatch(ctx context.Context, f *farm, within time.Duration) (string, error) {
	hands, err := x.serveFarm(ctx, f, 1, "--time-scale=1", "--rate=0.5", "--drain-delay="+drainDelay.String())
	if err != nil {
		return "", err
	}
	if err := f.hold(heldRequest, drainDelay+drainDelay/2); err != nil {
		return "", err
	}
	type result struct {
		answer *amogatev1.BatchCreateCustomersResponse
		err    error
	}
	ended := make(chan result, 1)
	go func() {
		answer, err := hands[0].customers.BatchCreateCustomers(onAccount(ctx, shop), namedBatch())
		ended <- result{answer, err}
	}()
	for f.creates() < heldRequest {
		if err := pause(ctx, time.Millisecond); err != nil {
			return "", fmt.Errorf("request %d never left: %w", heldRequest, err)
		}
	}
	begun := time.Now()
	if err := hands[0].terminate(); err != nil {
		return "", err
	}
	first := <-ended
	if first.err != nil {
		return "", fmt.Errorf("the batch: %w", first.err)
	}
	if err := hands[0].wait(ctx); err != nil {
		return "", err
	}
	took := time.Since(begun)
	made, _ := f.made()
	left := 0
	for i, r := range first.answer.GetResults() {
		if r.GetCustomer() != nil {
			continue
		}
		left++
		if err := itemFailure(r).want(codes.Aborted, "NOT_ATTEMPTED"); err != nil {
			return "", fmt.Errorf("item %d: %w", i, err)
		}
	}
	switch {
	case left == 0:
		return "", errors.New("the batch came to its end")
	case made != longBatch-left:
		return "", fmt.Errorf("%d customers were made, want %d", made, longBatch-left)
	case took > within:
		return "", fmt.Errorf("exit after %s", round(took))
	}
	if hands, err = x.serveFarm(ctx, f, 1); err != nil {
		return "", err
	}
	again, err := hands[0].customers.BatchCreateCustomers(onAccount(ctx, shop), namedBatch())
	if err != nil {
		return "", fmt.Errorf("repeated: %w", err)
	}
	for i, r := range again.GetResults() {
		if r.GetCustomer() == nil || first.answer.GetResults()[i].GetCustomer() != nil && !proto.Equal(first.answer.GetResults()[i], r) {
			return "", fmt.Errorf("item %d was %v and is %v", i, first.answer.GetResults()[i], r)
		}
	}
	if made, twice := f.made(); made != longBatch || twice != 0 {
		return "", fmt.Errorf("%d customers were made, %d of them twice", made, twice)
	}
	return fmt.Sprintf("exit after %s; %d OK, %d NOT_ATTEMPTED, which the next process sent", round(took), longBatch-left, left), nil
}
