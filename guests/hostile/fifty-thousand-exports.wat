;; Has a module with fifty thousand exports.
;;
;; source: call ok

(repeat 50000 (export "f{i}" (func $renew)))
