package amo

import (
	"github.com/amogate/amogate/amo/internal/driver"
	"github.com/amogate/amogate/amo/internal/v4"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// Segments are the segments of customers.
type Segments = *Collection[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest]

func newSegments(c *Client) Segments {
	return &Collection[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest]{
		client: c,
		name:   "customer_segments",
		drivers: map[Generation]driver.Resource[*amogatev1.CustomerSegment, *amogatev1.ListCustomerSegmentsRequest]{
			V4: v4.Segments(),
		},
	}
}
