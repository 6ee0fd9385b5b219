package server

import (
	"errors"
	"io"
	"testing"

	codecs "google.golang.org/grpc/encoding"

	"github.com/amogate/amogate/amo"
	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/internal/cputime"
)

// BenchmarkCodec writes the answers of a list, in turns with the codec of the
// library.
func BenchmarkCodec(b *testing.B) {
	conn := newPath(b, newStoredUpstream(b, 1), amo.V4)
	stream, err := amogatev1.NewCustomerServiceClient(conn).ListCustomers(b.Context(), &amogatev1.ListCustomersRequest{})
	if err != nil {
		b.Fatal(err)
	}
	var answers []*amogatev1.ListCustomersResponse
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
		answers = append(answers, answer)
	}
	if len(answers) < 250 {
		b.Fatalf("%d answers", len(answers))
	}
	write := func(c codecs.CodecV2) func() {
		return func() {
			for _, answer := range answers {
				data, err := c.Marshal(answer)
				if err != nil {
					b.Fatal(err)
				}
				data.Free()
			}
		}
	}
	cputime.Against(b, len(answers), write(newCodec()), write(newCodec().CodecV2))
}
