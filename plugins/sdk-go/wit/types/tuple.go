// From wit-bindgen 0.61.1 (Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT), what an adapter needs of it.

package wit_types

type Tuple2[T0 any, T1 any] struct {
	F0 T0
	F1 T1
}
