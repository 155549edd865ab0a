;; Is a component with two thousand exports.
;;
;; source: admission not_a_component more than 1000 imports or exports

(component (instance $none) (repeat 2000 (export "export-{i}" (instance $none))))
