;; The roof of a processor's arithmetic in one thread: products and sums in registers alone, as fma.wgsl, fused where the processor can.
;;   chain = chain · factor + addend, in ten independent chains of four numbers each
;; Two such instructions start at once and each takes four or five turns: ten chains hide that, and with factor and addend fit sixteen registers.
(module
  (func (export "chains") (param $rounds i32) (param $factor f32) (param $addend f32) (result f32)
    (local $f v128) (local $a v128)
    (local $0 v128) (local $1 v128) (local $2 v128) (local $3 v128) (local $4 v128)
    (local $5 v128) (local $6 v128) (local $7 v128) (local $8 v128) (local $9 v128)
    (local.set $f (f32x4.splat (local.get $factor)))
    (local.set $a (f32x4.splat (local.get $addend)))
    (loop $round
      (local.set $0 (f32x4.relaxed_madd (local.get $0) (local.get $f) (local.get $a)))
      (local.set $1 (f32x4.relaxed_madd (local.get $1) (local.get $f) (local.get $a)))
      (local.set $2 (f32x4.relaxed_madd (local.get $2) (local.get $f) (local.get $a)))
      (local.set $3 (f32x4.relaxed_madd (local.get $3) (local.get $f) (local.get $a)))
      (local.set $4 (f32x4.relaxed_madd (local.get $4) (local.get $f) (local.get $a)))
      (local.set $5 (f32x4.relaxed_madd (local.get $5) (local.get $f) (local.get $a)))
      (local.set $6 (f32x4.relaxed_madd (local.get $6) (local.get $f) (local.get $a)))
      (local.set $7 (f32x4.relaxed_madd (local.get $7) (local.get $f) (local.get $a)))
      (local.set $8 (f32x4.relaxed_madd (local.get $8) (local.get $f) (local.get $a)))
      (local.set $9 (f32x4.relaxed_madd (local.get $9) (local.get $f) (local.get $a)))
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $round (local.get $rounds)))
    ;; their sum, so that no compiler leaves the chains out
    (f32x4.extract_lane 0
      (f32x4.add
        (f32x4.add (f32x4.add (local.get $0) (local.get $1)) (f32x4.add (local.get $2) (local.get $3)))
        (f32x4.add
          (f32x4.add (f32x4.add (local.get $4) (local.get $5)) (f32x4.add (local.get $6) (local.get $7)))
          (f32x4.add (local.get $8) (local.get $9)))))))
