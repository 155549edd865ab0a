// Package wit_runtime allocates memory that crosses the component's border.
package wit_runtime

import (
	"fmt"
	"runtime"
	"unsafe"
)

// lowered pins what the host has written into until the call that it is for has taken it over.
var lowered runtime.Pinner

// Unpin lets go of what the host has written: from here on the values that point into it keep it.
func Unpin() { lowered.Unpin() }

// Allocate makes room that stays where it is until the pinner lets go of it.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	pointer := aligned(size, align)
	pinner.Pin(pointer)
	return pointer
}

func aligned(size, align uintptr) unsafe.Pointer {
	n := (size + align - 1) / align
	switch align {
	case 1:
		return unsafe.Pointer(unsafe.SliceData(make([]uint8, n)))
	case 2:
		return unsafe.Pointer(unsafe.SliceData(make([]uint16, n)))
	case 4:
		return unsafe.Pointer(unsafe.SliceData(make([]uint32, n)))
	case 8:
		return unsafe.Pointer(unsafe.SliceData(make([]uint64, n)))
	}
	panic(fmt.Sprintf("no type of this contract is aligned to %d bytes", align))
}

// Handle is what the host knows a resource by, until the component gives it back.
type Handle struct{ value int32 }

// MakeHandle is that of a resource that the host has given.
func MakeHandle(value int32) *Handle {
	if value == 0 {
		panic("the host gave no resource")
	}
	return &Handle{value}
}

// Use is the handle for a call.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("a resource was used that has been given back")
	}
	return h.value
}

// Take is the handle for whoever has it from here on.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// TakeOrNil is the handle, 0 if somebody else has it.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Set puts a handle back that was taken for nothing.
func (h *Handle) Set(value int32) {
	if value == 0 || h.value != 0 {
		panic("a resource was put back that is there, or that is none")
	}
	h.value = value
}
