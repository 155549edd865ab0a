;; Has a component type in a component type, a hundred thousand deep.
;;
;; source: compile crashed

(component binary
  "\00asm\0d\00\01\00"
  ;; A section of one type: a component type that declares one type, and so on. The last one is a number.
  "\07\e2\a7\12" "\01" (repeat 100000 "\41\01\01") "\7d"
  ;; What admission looks for.
  "\0b\23\01\00\1d" "danube:connector/source@0.1.0" "\05\00\00")
