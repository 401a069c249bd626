;; Products of a dense matrix of doubles with vectors, four rows at a time, two columns at a time. A number of the vector is
;; read once for four rows, and the eight sums grow side by side where one would have to wait for each addition.
;; $a is the address of the first of four rows that follow each other, $bytes the length of a row, a multiple of 16.
(module
  (import "env" "memory" (memory 1))

  ;; $sums[k] = row k times $vector, for the four rows.
  (func (export "multiply") (param $a i32) (param $bytes i32) (param $vector i32) (param $sums i32)
    (local $b i32) (local $c i32) (local $d i32) (local $at i32) (local $factors v128)
    (local $sumA v128) (local $sumB v128) (local $sumC v128) (local $sumD v128)
    (local.set $b (i32.add (local.get $a) (local.get $bytes)))
    (local.set $c (i32.add (local.get $b) (local.get $bytes)))
    (local.set $d (i32.add (local.get $c) (local.get $bytes)))
    (loop $columns
      (local.set $factors (v128.load (i32.add (local.get $vector) (local.get $at))))
      (local.set $sumA (f64x2.add (local.get $sumA)
        (f64x2.mul (v128.load (i32.add (local.get $a) (local.get $at))) (local.get $factors))))
      (local.set $sumB (f64x2.add (local.get $sumB)
        (f64x2.mul (v128.load (i32.add (local.get $b) (local.get $at))) (local.get $factors))))
      (local.set $sumC (f64x2.add (local.get $sumC)
        (f64x2.mul (v128.load (i32.add (local.get $c) (local.get $at))) (local.get $factors))))
      (local.set $sumD (f64x2.add (local.get $sumD)
        (f64x2.mul (v128.load (i32.add (local.get $d) (local.get $at))) (local.get $factors))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $columns (i32.lt_u (local.get $at) (local.get $bytes))))
    (f64.store (local.get $sums)
      (f64.add (f64x2.extract_lane 0 (local.get $sumA)) (f64x2.extract_lane 1 (local.get $sumA))))
    (f64.store offset=8 (local.get $sums)
      (f64.add (f64x2.extract_lane 0 (local.get $sumB)) (f64x2.extract_lane 1 (local.get $sumB))))
    (f64.store offset=16 (local.get $sums)
      (f64.add (f64x2.extract_lane 0 (local.get $sumC)) (f64x2.extract_lane 1 (local.get $sumC))))
    (f64.store offset=24 (local.get $sums)
      (f64.add (f64x2.extract_lane 0 (local.get $sumD)) (f64x2.extract_lane 1 (local.get $sumD)))))

  ;; $vector += the sum over the four rows of $factors[k] times row k.
  (func (export "add") (param $a i32) (param $bytes i32) (param $vector i32) (param $factors i32)
    (local $b i32) (local $c i32) (local $d i32) (local $at i32) (local $to i32)
    (local $factorA v128) (local $factorB v128) (local $factorC v128) (local $factorD v128)
    (local.set $b (i32.add (local.get $a) (local.get $bytes)))
    (local.set $c (i32.add (local.get $b) (local.get $bytes)))
    (local.set $d (i32.add (local.get $c) (local.get $bytes)))
    (local.set $factorA (v128.load64_splat (local.get $factors)))
    (local.set $factorB (v128.load64_splat offset=8 (local.get $factors)))
    (local.set $factorC (v128.load64_splat offset=16 (local.get $factors)))
    (local.set $factorD (v128.load64_splat offset=24 (local.get $factors)))
    (loop $columns
      (local.set $to (i32.add (local.get $vector) (local.get $at)))
      (v128.store (local.get $to) (f64x2.add (v128.load (local.get $to)) (f64x2.add
        (f64x2.add
          (f64x2.mul (v128.load (i32.add (local.get $a) (local.get $at))) (local.get $factorA))
          (f64x2.mul (v128.load (i32.add (local.get $b) (local.get $at))) (local.get $factorB)))
        (f64x2.add
          (f64x2.mul (v128.load (i32.add (local.get $c) (local.get $at))) (local.get $factorC))
          (f64x2.mul (v128.load (i32.add (local.get $d) (local.get $at))) (local.get $factorD))))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $columns (i32.lt_u (local.get $at) (local.get $bytes))))))
