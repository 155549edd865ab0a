package wit_runtime

import "unsafe"

// reallocate is where the host asks for room before it writes a call's arguments. No import may be called meanwhile, so
// the collector must not run here: package collector has turned it off and runs it between events.
//
//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the host never grows what it has asked for")
	}
	return Allocate(&lowered, size, align)
}

// The preview-1 adapter keeps its state in this memory, and asks for it while Go's runtime is not there yet.
const (
	wasmPage    = 64 << 10
	adapterRoom = 3 * wasmPage
)

var (
	adapterMemory [adapterRoom]byte
	adapterUsed   uintptr
)

//go:wasmexport cabi_realloc_adapter
func reallocateAdapter(_ unsafe.Pointer, _, align, size uintptr) unsafe.Pointer {
	base := uintptr(unsafe.Pointer(&adapterMemory))
	start := (base + adapterUsed + align - 1) &^ (align - 1)
	if start+size > base+adapterRoom {
		panic("the preview-1 adapter asks for more memory than the SDK keeps for it")
	}
	adapterUsed = start + size - base
	return unsafe.Add(unsafe.Pointer(&adapterMemory), start-base)
}
