package server

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/amogate/amogate/amo"
)

// mutation is one kind of write of items A, which are about records T.
type mutation[A any, T proto.Message] struct {
	write func(ctx context.Context, items []A) []amo.Result[T]
	// recall finds out what became of items that may have been sent.
	recall func(ctx context.Context, items []A, since time.Time) []amo.Result[T]
	// name gives an item the name by which it is recalled; nil = none has one.
	name func(item A, name string) A
	// sent is a copy of the record as the answer repeats it, before upstream's word.
	sent func(A) T
	// wantsReading says whether an item is to be answered as it is read, and
	// readBack reads; nil = none is.
	wantsReading func(A) bool
	readBack     func(ctx context.Context, results []amo.Result[T], wanted func(i int) bool)
}

// creator is a collection of package amo that makes records.
type creator[T any] interface {
	Create(ctx context.Context, items []amo.Create[T]) []amo.Result[T]
	RecallCreate(ctx context.Context, items []amo.Create[T], since time.Time) []amo.Result[T]
	ReadBack(ctx context.Context, results []amo.Result[T], wanted func(i int) bool)
}

// updater is one that changes records.
type updater[T any] interface {
	Update(ctx context.Context, items []amo.Update[T]) []amo.Result[T]
	RecallUpdate(ctx context.Context, items []amo.Update[T], since time.Time) []amo.Result[T]
	ReadBack(ctx context.Context, results []amo.Result[T], wanted func(i int) bool)
}

// deleter is one that deletes records.
type deleter[T any] interface {
	Delete(ctx context.Context, ids []int64) []amo.Result[T]
	RecallDelete(ctx context.Context, ids []int64, since time.Time) []amo.Result[T]
}

func creation[T proto.Message](records creator[T]) mutation[amo.Create[T], T] {
	return mutation[amo.Create[T], T]{
		write: records.Create, recall: records.RecallCreate, readBack: records.ReadBack,
		name: func(item amo.Create[T], name string) amo.Create[T] {
			item.Name = name
			return item
		},
		sent:         func(item amo.Create[T]) T { return proto.CloneOf(item.Value) },
		wantsReading: func(item amo.Create[T]) bool { return item.ReadBack },
	}
}

func change[T proto.Message](records updater[T]) mutation[amo.Update[T], T] {
	return mutation[amo.Update[T], T]{
		write: records.Update, recall: records.RecallUpdate, readBack: records.ReadBack,
		sent: func(item amo.Update[T]) T {
			record := onlyFields(item.Value, item.Paths)
			setID(record, item.ID)
			return record
		},
		wantsReading: func(item amo.Update[T]) bool { return item.ReadBack },
	}
}

func deletion[T proto.Message](records deleter[T]) mutation[int64, T] {
	return mutation[int64, T]{
		write: records.Delete, recall: records.RecallDelete,
		sent: func(id int64) T {
			record := blank[T]()
			setID(record, id)
			return record
		},
	}
}

// blank returns an empty message.
func blank[T proto.Message]() T {
	message, _ := (*new(T)).ProtoReflect().New().Interface().(T) // its own type
	return message
}

// setID sets the id of a record.
func setID(record proto.Message, id int64) {
	m := record.ProtoReflect()
	if field := m.Descriptor().Fields().ByName("id"); field != nil {
		m.Set(field, protoreflect.ValueOfInt64(id))
	}
}

// onlyFields returns a copy of a record, which may be nil, with some of its fields.
func onlyFields[T proto.Message](record T, paths []string) T {
	kept := blank[T]()
	m := kept.ProtoReflect()
	copied := proto.Clone(record).ProtoReflect()
	for _, path := range paths {
		if field := m.Descriptor().Fields().ByName(protoreflect.Name(path)); field != nil && copied.Has(field) {
			m.Set(field, copied.Get(field))
		}
	}
	return kept
}
