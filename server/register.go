package server

import (
	"google.golang.org/grpc"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
)

// register adds every service of the API, one line each.
func register(r grpc.ServiceRegistrar) {
	amogatev1.RegisterCustomerServiceServer(r, customerServer{})
	amogatev1.RegisterTransactionServiceServer(r, transactionServer{})
	amogatev1.RegisterPeriodServiceServer(r, periodServer{})
	amogatev1.RegisterNoteServiceServer(r, noteServer{})
	amogatev1.RegisterCustomerStatusServiceServer(r, customerStatusServer{})
	amogatev1.RegisterCustomerSegmentServiceServer(r, customerSegmentServer{})
	amogatev1.RegisterCustomersModeServiceServer(r, customersModeServer{})
}
