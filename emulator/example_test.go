package emulator_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/amogate/amogate/emulator"
)

func Example() {
	e, err := emulator.New(emulator.Config{Strict: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: e.Transport()}
	resp, err := client.Post( //nolint:noctx // an example
		"https://example.amocrm.ru/api/v2/customers?USER_LOGIN="+emulator.DefaultLogin+"&USER_HASH="+emulator.DefaultAPIKey,
		"application/json", strings.NewReader(`{"add":[{"name":"Ecosports LLC","next_date":"1508878800"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()
	for c := range e.Customers() {
		fmt.Println(resp.StatusCode, c.ID, c.Name)
	}
	// Output: 200 466001 Ecosports LLC
}
