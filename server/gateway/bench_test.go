package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/type/money"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	amogatev1 "github.com/amogate/amogate/gen/amogate/v1"
	"github.com/amogate/amogate/server/gateway/internal/answerjson"
	"github.com/amogate/amogate/server/gateway/internal/jsonwriter"
)

// typicalRow is a customer as accounts have them: 1.6 kB of JSON.
func typicalRow(id int64) *amogatev1.ListCustomersResponse {
	text := func(id int64, code, name, value string) *amogatev1.CustomField {
		return &amogatev1.CustomField{
			FieldId: id, Code: code, Name: name, Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_TEXT, TypeCode: "text",
			Value: &amogatev1.CustomField_Text{Text: value},
		}
	}
	now := timestamppb.New(time.Unix(1_767_225_600+id, 0))
	return &amogatev1.ListCustomersResponse{
		Item: &amogatev1.ListCustomersResponse_Customer{Customer: &amogatev1.Customer{
			Id: id, Name: "ООО «Ромашка» " + strconv.FormatInt(id, 10), NextPurchaseTime: now,
			NextPrice: &money.Money{CurrencyCode: "RUB", Units: 12_500}, ResponsibleUserId: new(int64(504_141)),
			StatusId: new(int64(4_051)), Periodicity: new(int32(30)), AccountId: new(int64(28_805_383)), CreatedBy: new(int64(504_141)), UpdatedBy: new(int64(504_141)),
			CreateTime: now, UpdateTime: now, ContactIds: []int64{id + 1, id + 2}, MainContactId: new(id + 1),
			Tags: []*amogatev1.Tag{{Id: 1, Name: "опт"}, {Id: 2, Name: "VIP"}},
			CustomFields: []*amogatev1.CustomField{
				text(1, "CITY", "Город", "Санкт-Петербург"),
				text(2, "SOURCE", "Источник", "Рекомендация \"старого\" клиента"),
				text(3, "", "Комментарий", "Звонить после 15:00, просил прислать каталог и прайс"),
				{FieldId: 4, Code: "INN", Name: "ИНН", Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_NUMERIC, TypeCode: "numeric", Value: &amogatev1.CustomField_Number{Number: "7805123456"}},
				{FieldId: 5, Name: "Договор подписан", Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_CHECKBOX, TypeCode: "checkbox", Value: &amogatev1.CustomField_Checkbox{Checkbox: true}},
				{FieldId: 6, Name: "Сегмент", Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_SELECT, TypeCode: "select", Value: &amogatev1.CustomField_Choice{Choice: &amogatev1.Choice{OptionId: 7, Name: "Средний бизнес"}}},
				{FieldId: 8, Name: "Сайт", Type: amogatev1.CustomFieldType_CUSTOM_FIELD_TYPE_URL, TypeCode: "url", Value: &amogatev1.CustomField_Url{Url: "https://romashka.example/contacts"}},
			},
		}},
		ResumeToken: "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYn",
	}
}

func BenchmarkRowJSON(b *testing.B) {
	row := typicalRow(1_000_001)
	data, err := answerjson.Append(nil, row)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 2*len(data))
	for name, write := range map[string]func() ([]byte, error){
		"generated": func() ([]byte, error) { return answerjson.Append(buf, row) },
		"protojson": func() ([]byte, error) { return jsonwriter.Options.MarshalAppend(buf, row) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := write(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// cpuTime is what the process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// benchmarkRows reads one list of b.N rows over HTTP and counts its lines.
func benchmarkRows(b *testing.B, handler http.Handler) {
	b.Helper()
	srv := httptest.NewServer(handler)
	b.Cleanup(srv.Close)
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, srv.URL+"/v1/customers:stream", http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	before := cpuTime(b)
	b.ResetTimer()
	resp, err := srv.Client().Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines, total := 0, int64(0)
	buf := make([]byte, 64<<10)
	for {
		n, err := resp.Body.Read(buf)
		lines += bytes.Count(buf[:n], []byte("\n"))
		total += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if lines != b.N+1 {
		b.Fatalf("%d lines, want %d", lines, b.N+1)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/row")
	b.ReportMetric(float64(total)/float64(b.N), "B/row")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkList is one list from memory to a client in the same process: the
// gateway as it is, over a connection that encodes messages, and a stock one over
// loopback.
func BenchmarkList(b *testing.B) {
	rows := make([]*amogatev1.ListCustomersResponse, 500)
	for i := range rows {
		rows[i] = typicalRow(int64(1_000_000 + i))
	}
	f := func(b *testing.B) *fakeServer {
		b.Helper()
		return &fakeServer{list: func(_ *amogatev1.ListCustomersRequest, s listStream) error {
			if err := accept(s); err != nil {
				return err
			}
			for i := range b.N {
				if err := s.Send(rows[i%len(rows)]); err != nil {
					return err
				}
			}
			return s.Send(endRow())
		}}
	}
	b.Run("stock", func(b *testing.B) { benchmarkRows(b, stockGateway(b, f(b))) })
	b.Run("amogate", func(b *testing.B) { benchmarkRows(b, newHandler(b, f(b), Options{})) })
	b.Run("amogate over a wire", func(b *testing.B) { benchmarkRows(b, newWireHandler(b, f(b), Options{})) })
}

// BenchmarkFlush is what it costs to send rows that are encoded already.
func BenchmarkFlush(b *testing.B) {
	row, err := answerjson.Append(nil, typicalRow(1))
	if err != nil {
		b.Fatal(err)
	}
	row = append(row, '\n')
	send := func(b *testing.B, w http.ResponseWriter) {
		b.Helper()
		flush := http.NewResponseController(w).Flush
		err := flush() // the headers
		for i := 0; i <= b.N && err == nil; i++ {
			if _, err = w.Write(row); err == nil {
				err = flush()
			}
		}
		if err != nil {
			b.Error(err)
		}
	}
	b.Run("gathered", func(b *testing.B) {
		benchmarkRows(b, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			w := &response{ResponseWriter: rw, stall: defaultStall}
			defer w.finish()
			send(b, w)
		}))
	})
	b.Run("each", func(b *testing.B) {
		benchmarkRows(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { send(b, w) }))
	})
}

// stockGateway is grpc-gateway as its documents set it up.
func stockGateway(b *testing.B, f *fakeServer) http.Handler {
	b.Helper()
	lis, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := grpc.NewServer()
	amogatev1.RegisterCustomerServiceServer(srv, f)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := conn.Close(); err != nil {
			b.Error(err)
		}
		srv.Stop()
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
	mux := runtime.NewServeMux(runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
		MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitDefaultValues: true},
	}))
	if err := amogatev1.RegisterCustomerServiceHandlerClient(context.WithoutCancel(b.Context()), mux, amogatev1.NewCustomerServiceClient(conn)); err != nil {
		b.Fatal(err)
	}
	return mux
}
