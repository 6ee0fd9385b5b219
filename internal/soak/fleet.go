package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// fleetAccount is the account that a fleet serves.
const fleetAccount = "shop"

// fleet are the processes of an installation, and connections to them.
type fleet struct {
	children []*child
	conns    []*grpc.ClientConn
	// ids are customers of the account.
	ids []int64
}

// newFleet starts so many amogates over one account.
func newFleet(ctx context.Context, b *bench, in *installation, up *upstream, size int) (_ *fleet, err error) {
	if err := in.add(ctx, fleetAccount, up); err != nil {
		return nil, err
	}
	flags, err := in.flags()
	if err != nil {
		return nil, err
	}
	f := &fleet{}
	for c := range up.account.Customers() {
		if f.ids = append(f.ids, c.ID); len(f.ids) == 1000 {
			break
		}
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	for n := range size {
		c, err := newChild(b.binary, filepath.Join(in.dir, fmt.Sprintf("process%d", n)), flags...)
		if err != nil {
			return nil, err
		}
		f.children = append(f.children, c)
		conn, err := grpc.NewClient(c.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
		if err != nil {
			return nil, err
		}
		f.conns = append(f.conns, conn)
	}
	return f, f.start(ctx)
}

// start starts all processes.
func (f *fleet) start(ctx context.Context) error {
	var group errgroup.Group
	for _, c := range f.children {
		group.Go(func() error { return c.start(ctx) })
	}
	return group.Wait()
}

// close kills all processes.
func (f *fleet) close() error {
	var errs []error
	for _, conn := range f.conns {
		errs = append(errs, conn.Close())
	}
	for _, c := range f.children {
		c.kill()
	}
	return errors.Join(errs...)
}

// load is what callers did.
type load struct {
	mu sync.Mutex
	// done counts the calls that were answered, by caller.
	done []int
	// failed counts the others by code and reason.
	failed map[string]int
}

// failures counts the calls that failed.
func (l *load) failures() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := 0
	for _, n := range l.failed {
		sum += n
	}
	return sum
}

// call lets callers get customers, one after the other, until ctx ends. They are
// spread over the processes.
func (f *fleet) call(ctx context.Context, callers int) *load {
	l := &load{done: make([]int, callers), failed: map[string]int{}}
	var group sync.WaitGroup
	for n := range callers {
		group.Go(func() {
			client := amogatev1.NewCustomerServiceClient(f.conns[n%len(f.conns)])
			for i := n; ctx.Err() == nil; i += callers {
				l.note(ctx, n, get(ctx, client, f.ids[i%len(f.ids)]))
			}
		})
	}
	group.Wait()
	return l
}

// note counts a call. After a failure its caller rests: some are told at once.
func (l *load) note(ctx context.Context, caller int, err error) {
	if ctx.Err() != nil {
		return // it was cut off by us
	}
	l.mu.Lock()
	if err == nil {
		l.done[caller]++
	} else {
		l.failed[spell(err)]++
	}
	l.mu.Unlock()
	if err != nil {
		pause(ctx, failureRest)
	}
}

// spell is the code and the reason of a failure.
func spell(err error) string {
	var o outcome
	o.fail(status.Convert(err))
	return strings.TrimSpace(o.code.String() + " " + o.reason)
}

// failureRest is how long a caller waits after a failure.
const failureRest = 100 * time.Millisecond

// get gets a customer.
func get(ctx context.Context, client amogatev1.CustomerServiceClient, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := client.GetCustomer(ctx, &amogatev1.GetCustomerRequest{Id: id})
	return err
}
