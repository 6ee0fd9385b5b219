package emulator

// The fields of every seeded account: one of each type, phone and e-mail being two multitexts.
var seedFields = []Field{
	{ID: 1250001, Name: "Комментарий", Type: FieldText},
	{ID: 1250003, Name: "Скидка, %", Type: FieldNumeric},
	{ID: 1250005, Name: "VIP", Type: FieldCheckbox},
	{ID: 1250007, Name: "Источник", Type: FieldSelect, Enums: []Enum{
		{3690001, "Сайт"}, {3690003, "Рекомендация"}, {3690005, "Розница &quot;у дома&quot;"}, {3690007, "Trade fair"},
	}},
	{ID: 1250009, Name: "Интересы", Type: FieldMultiselect, Enums: []Enum{
		{3690011, "Чай"}, {3690013, "Кофе"}, {3690015, "Посуда"}, {3690017, "Accessories"},
	}},
	{ID: 1250011, Name: "Дата договора", Type: FieldDate},
	{ID: 1250013, Name: "Сайт", Type: FieldURL},
	{ID: 1250015, Name: "Телефон", Code: "PHONE", Type: FieldMultitext, System: true, Enums: []Enum{
		{3690021, "WORK"}, {3690023, "WORKDD"}, {3690025, "MOB"}, {3690027, "FAX"}, {3690029, "HOME"}, {3690031, "OTHER"},
	}},
	{ID: 1250017, Name: "Email", Code: "EMAIL", Type: FieldMultitext, System: true, Enums: []Enum{
		{3690041, "WORK"}, {3690043, "PRIV"}, {3690045, "OTHER"},
	}},
	{ID: 1250019, Name: "Заметки", Type: FieldTextarea},
	{ID: 1250021, Name: "Способ доставки", Type: FieldRadiobutton, Enums: []Enum{
		{3690051, "Самовывоз"}, {3690053, "Курьер"}, {3690055, "Почта"},
	}},
	{ID: 1250023, Name: "Адрес одной строкой", Type: FieldStreetAddress},
	{ID: 1250025, Name: "Адрес доставки", Type: FieldSmartAddress},
	{ID: 1250027, Name: "День рождения", Type: FieldBirthday},
	{ID: 1250029, Name: "Юр. лицо", Type: FieldLegalEntity},
	{ID: 1250031, Name: "Состав заказа", Type: FieldItems},
	{ID: 1250033, Name: "Организация", Type: FieldOrgLegalName},
	{ID: 1250035, Name: "Перезвонить", Type: FieldDateTime},
}

var seedTags = []Tag{
	{61801, "опт"},
	{61802, "розница"},
	{61803, "VIP"},
	{61804, "wholesale"},
	{61805, "постоянный"},
	{61806, "выставка 2023"},
	{61807, "newsletter"},
	{61808, "долг"},
	{61809, "R&D"},
	{61810, "север/юг"},
}

// seedPeriods are the periods of every seeded account, whose customers are spread over all of them.
var seedPeriods = []Period{
	{ID: seedPeriodIDs + 3, Kind: PeriodBefore, Days: 5, Color: "#e6e8ea", Sort: 1},
	{ID: seedPeriodIDs + 2, Kind: PeriodBefore, Days: 10, Color: "#fffd7f", Sort: 2},
	{ID: seedPeriodIDs + 1, Kind: PeriodBefore, Days: 15, Color: "#ffdc7f", Sort: 3},
	{ID: seedPeriodIDs + 4, Kind: PeriodBefore, Days: 60, Color: "#ccc8f9", Sort: 4},
	{ID: seedPeriodIDs + 5, Kind: PeriodAfter, Days: 60, Color: "#fd5598", Sort: 0},
	{ID: seedPeriodIDs + 6, Kind: PeriodAfter, Days: 30, Color: "#ff8f92", Sort: 1},
}

// Men's and women's names alternate.
var firstNamesRU = []string{
	"Александр", "Анна", "Дмитрий", "Екатерина", "Иван", "Мария", "Сергей", "Ольга", "Михаил", "Наталья", "Артём",
	"Алёна", "Павел", "Юлия", "Фёдор", "Вера",
}

// Names that make the woman's form by an added а.
var lastNamesRU = []struct{ name, latin string }{
	{"Иванов", "ivanov"},
	{"Смирнов", "smirnov"},
	{"Кузнецов", "kuznetsov"},
	{"Попов", "popov"},
	{"Васильев", "vasilev"},
	{"Соколов", "sokolov"},
	{"Морозов", "morozov"},
	{"Волков", "volkov"},
	{"Лебедев", "lebedev"},
	{"Соловьёв", "solovev"},
	{"Щукин", "shchukin"},
	{"Воробьёв", "vorobev"},
	{"Зайцев", "zaitsev"},
	{"Ершов", "ershov"},
}

var firstNamesEN = []string{
	"Alice", "Benjamin", "Clara", "Daniel", "Emma", "Frank", "Grace", "Henry", "Irene", "Jack", "Laura", "Oscar",
}

var lastNamesEN = []string{
	"Adams", "Baker", "Clarke", "Davies", "Evans", "Fischer", "Green", "Harris", "Johnson", "King", "O'Neill", "Turner",
}

var companyNamesRU = []string{
	"Ромашка", "Северный ветер", "Вектор", "Альфа/Бета", "СпецГорСтрой", "Чайный дом", "Лесная поляна", "Прогресс",
	"Восток-Запад", "Невские огни", "Горизонт", "Мастер \"Плюс\"",
}

var companyNamesEN = []string{
	"Ecosports", "Blue Harbour", "Oak & Sons", "Northwind", "Silver Lining", "Maple Street", "Red Kite", "Granite",
}

var remarks = []string{
	"Просит счёт до 10-го числа", "Отгрузка только по предоплате", "Звонить после 15:00", "Delayed payment",
	"Prefers e-mail", "Не звонить по выходным", "Нужен договор на год", "Скидка согласована с директором",
	"Забирает сам/через водителя", "Доволен качеством 👍",
}

var goods = []string{"Чай чёрный, 100 г", "Кофе в зёрнах, 1 кг", "Чайник 0,8 л", "Gift box", "Фильтры, 50 шт."}

var cities = []struct {
	name, zip, country string
	streets            []string
}{
	{"Москва", "101000", "RU", []string{"ул. Тверская", "ул. Арбат", "Ленинский проспект"}},
	{"Санкт-Петербург", "190000", "RU", []string{"Невский проспект", "ул. Рубинштейна"}},
	{"Казань", "420000", "RU", []string{"ул. Баумана", "ул. Пушкина"}},
	{"Екатеринбург", "620000", "RU", []string{"ул. Малышева", "пр. Ленина"}},
	{"Алматы", "050000", "KZ", []string{"пр. Абая", "ул. Толе би"}},
	{"Washington", "20011", "US", []string{"Madison St", "Georgia Ave"}},
	{"Berlin", "10115", "DE", []string{"Invalidenstraße", "Chausseestraße"}},
}
