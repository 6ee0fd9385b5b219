package samplepage

import "encoding/json"

// reference is what a row is linked with.
type reference struct {
	ID     int64  `json:"id"`
	Name   string `json:"name"`
	IsMain bool   `json:"is_main"`
	Links  links  `json:"_links"`
}

type links struct {
	Self struct {
		Href   string `json:"href"`
		Method string `json:"method"`
	} `json:"self"`
}

type v2Customer struct {
	ID                int64       `json:"id"`
	Name              string      `json:"name"`
	ResponsibleUserID int64       `json:"responsible_user_id"`
	CreatedBy         int64       `json:"created_by"`
	CreatedAt         int64       `json:"created_at"`
	UpdatedAt         int64       `json:"updated_at"`
	AccountID         int64       `json:"account_id"`
	UpdatedBy         int64       `json:"updated_by"`
	IsDeleted         bool        `json:"is_deleted"`
	MainContact       reference   `json:"main_contact"`
	Tags              []reference `json:"tags"`
	CustomFields      []struct {
		ID     int64  `json:"id"`
		Name   string `json:"name"`
		Values []struct {
			Value json.RawMessage `json:"value"`
			Enum  string          `json:"enum"`
		} `json:"values"`
		IsSystem bool `json:"is_system"`
	} `json:"custom_fields"`
	Contacts struct {
		ID    []int64 `json:"id"`
		Links links   `json:"_links"`
	} `json:"contacts"`
	Company       reference `json:"company"`
	NextPrice     int64     `json:"next_price"`
	ClosestTaskAt int64     `json:"closest_task_at"`
	PeriodID      int64     `json:"period_id"`
	Periodicity   int64     `json:"periodicity"`
	NextDate      int64     `json:"next_date"`
	Links         links     `json:"_links"`
}

type v4Customer struct {
	ID                int64  `json:"id"`
	Name              string `json:"name"`
	NextPrice         int64  `json:"next_price"`
	NextDate          int64  `json:"next_date"`
	ResponsibleUserID int64  `json:"responsible_user_id"`
	StatusID          int64  `json:"status_id"`
	Periodicity       int64  `json:"periodicity"`
	CreatedBy         int64  `json:"created_by"`
	UpdatedBy         int64  `json:"updated_by"`
	CreatedAt         int64  `json:"created_at"`
	UpdatedAt         int64  `json:"updated_at"`
	ClosestTaskAt     int64  `json:"closest_task_at"`
	IsDeleted         bool   `json:"is_deleted"`
	CustomFields      []struct {
		ID     int64  `json:"field_id"`
		Name   string `json:"field_name"`
		Code   string `json:"field_code"`
		Type   string `json:"field_type"`
		Values []struct {
			Value    json.RawMessage `json:"value"`
			EnumID   int64           `json:"enum_id"`
			EnumCode string          `json:"enum_code"`
		} `json:"values"`
	} `json:"custom_fields_values"`
	LTV            int64 `json:"ltv"`
	PurchasesCount int64 `json:"purchases_count"`
	AverageCheck   int64 `json:"average_check"`
	AccountID      int64 `json:"account_id"`
	Links          links `json:"_links"`
	Embedded       struct {
		Segments  []reference `json:"segments"`
		Tags      []reference `json:"tags"`
		Contacts  []reference `json:"contacts"`
		Companies []reference `json:"companies"`
	} `json:"_embedded"`
}

// StockV2 decodes a page of GET /api/v2/customers with encoding/json into structs
// of fixed types, which is the least that a program could do, and returns how many
// rows it has. It is what codecs are measured against.
func StockV2(page []byte) (int, error) {
	var document struct {
		Embedded struct {
			Items []v2Customer `json:"items"`
		} `json:"_embedded"`
	}
	err := json.Unmarshal(page, &document)
	return len(document.Embedded.Items), err
}

// StockV4 is StockV2 for GET /api/v4/customers.
func StockV4(page []byte) (int, error) {
	var document struct {
		Links struct {
			Next struct {
				Href string `json:"href"`
			} `json:"next"`
		} `json:"_links"`
		Embedded struct {
			Customers []v4Customer `json:"customers"`
		} `json:"_embedded"`
	}
	err := json.Unmarshal(page, &document)
	return len(document.Embedded.Customers), err
}
