package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A difference means that the proto files changed: run make generate.
func TestConvert_theServedDocumentIsTheOneOfTheProtoFiles(t *testing.T) {
	swagger, err := os.ReadFile("../../../gen/openapi/amogate.swagger.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../../server/gateway/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	// Maps are walked in another order each time.
	for range 5 {
		got, err := convert(t.Context(), swagger)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("openapi.json is not what the proto files say (-committed +generated):\n%s", diff)
		}
	}
}

func TestConvert_showsNoServiceWithoutREST(t *testing.T) {
	swagger, err := os.ReadFile("../../../gen/openapi/amogate.swagger.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := convert(t.Context(), swagger)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(swagger), "AdminService") || !strings.Contains(string(data), "CustomerService") {
		t.Error("the documents do not tell the services that this test is about")
	}
	if strings.Contains(string(data), "AdminService") {
		t.Error("AdminService is in the public document")
	}
}

func TestConvert_refusesWhatItCannotExplain(t *testing.T) {
	for name, swagger := range map[string]string{
		"no JSON":              `{`,
		"an unknown operation": `{"swagger":"2.0","paths":{"/v1/x":{"get":{"operationId":"NoService_NoMethod","responses":{"200":{"description":""}}}}},"definitions":{}}`,
		"a second route of no method": `{"swagger":"2.0","paths":{"/v1/x":{"get":{"operationId":"CustomerService_Nothing2","responses":{"200":{"description":""}}}}},` +
			`"definitions":{}}`,
		"an operation that is no method": `{"swagger":"2.0","paths":{"/v1/x":{"get":{"operationId":"Customer_name","responses":{"200":{"description":""}}}}},` +
			`"definitions":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if data, err := convert(t.Context(), []byte(swagger)); err == nil {
				t.Errorf("convert answered %s, want an error", data)
			}
		})
	}
}

func TestFindRPC_knowsEveryRouteOfAMethod(t *testing.T) {
	for id, want := range map[string]string{
		"TransactionService_ListTransactions":   "ListTransactions",
		"TransactionService_ListTransactions2":  "ListTransactions",
		"TransactionService_CreateTransaction2": "CreateTransaction",
	} {
		rpc, err := findRPC(id)
		if err != nil || string(rpc.Name()) != want {
			t.Errorf("%s is %v, %v; want %s", id, rpc, err, want)
		}
	}
}
