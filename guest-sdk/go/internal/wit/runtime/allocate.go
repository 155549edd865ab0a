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
