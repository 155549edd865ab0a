;; Is a component with two thousand imports.
;;
;; source: admission not_a_component more than 1000 imports

(component (repeat 2000 (import "import-{i}" (func))))
