"""Vectors of 64 lanes (or 16) as values inside kernels: one read, or one spin, a lane.

Numba's loops vectorise only as far as LLVM sees through them, and never with one bit a spin. These
types are LLVM's own vectors, so that a kernel says what it means: a *word* of 64 bits holds one
spin of 64 reads, ``where(word, a, b)`` chooses lane by lane, and sums stay in registers. LLVM
lowers them to whatever the machine has (AVX-512, AVX2, NEON).

A kernel that uses them is cached with their code in it: after an edit of this file, delete the
``__pycache__`` of the kernels.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

LANES = 64
QUARTER = 16  # lanes of the short vectors that the ``_quarter`` functions make

_ELEMENTS = {
    types.float64: ir.DoubleType(),
    types.float32: ir.FloatType(),
    types.uint32: ir.IntType(32),
    types.int16: ir.IntType(16),
    types.int8: ir.IntType(8),
}
_INDEX = ir.IntType(32)
_FUSED = ("contract",)  # a product and a sum may become one instruction


class Vector(types.Type):
    """64 elements of one scalar type, or fewer."""

    def __init__(self, dtype, lanes=LANES):
        self.dtype = dtype
        self.lanes = lanes
        super().__init__(name=f"Vector({dtype}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, _llvm_type(vector))


FLOATS = Vector(types.float32)
SHORTS = Vector(types.int16)


def _llvm_type(vector):
    return ir.VectorType(_ELEMENTS[vector.dtype], vector.lanes)


def _is_float(vector):
    return isinstance(vector.dtype, types.Float)


def _fill(builder, vector, scalar):
    undefined = ir.Constant(_llvm_type(vector), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INDEX, 0))
    everywhere = ir.Constant(ir.VectorType(_INDEX, vector.lanes), None)
    return builder.shuffle_vector(first, undefined, everywhere)


def _define_broadcast(lanes):
    @intrinsic
    def broadcast(typing_context, scalar):
        vector = Vector(scalar, lanes)

        def codegen(context, builder, signature, arguments):
            return _fill(builder, vector, arguments[0])

        return vector(scalar), codegen

    return broadcast


def _pointer(context, builder, array_type, array, offset, vector):
    data = context.make_array(array_type)(context, builder, array).data
    place = builder.gep(data, [offset])
    return builder.bitcast(place, _llvm_type(vector).as_pointer())


def _load(context, builder, array_type, array, offset, vector):
    pointer = _pointer(context, builder, array_type, array, offset, vector)
    loaded = builder.load(pointer, typ=_llvm_type(vector))
    loaded.align = array_type.dtype.bitwidth // 8
    return loaded


def _define_load(lanes):
    @intrinsic
    def load(typing_context, array, offset):
        vector = Vector(array.dtype, lanes)

        def codegen(context, builder, signature, arguments):
            return _load(context, builder, array, *arguments, vector)

        return vector(array, types.intp), codegen

    return load


def _lanes_of(like):
    """Of a vector, or of an array of words with a bit a lane."""
    return like.lanes if isinstance(like, Vector) else like.dtype.bitwidth


@intrinsic
def broadcast_like(typing_context, scalar, like):
    """The scalar in each of as many lanes as a vector has, or the words of an array have bits."""
    vector = Vector(scalar, _lanes_of(like))

    def codegen(context, builder, signature, arguments):
        return _fill(builder, vector, arguments[0])

    return vector(scalar, like), codegen


@intrinsic
def load_like(typing_context, array, offset, like):
    """Elements for as many lanes as a vector has, or the words of an array have bits."""
    vector = Vector(array.dtype, _lanes_of(like))

    def codegen(context, builder, signature, arguments):
        return _load(context, builder, array, *arguments[:2], vector)

    return vector(array, types.intp, like), codegen


#: The scalar in each lane.
broadcast, broadcast_quarter = _define_broadcast(LANES), _define_broadcast(QUARTER)
#: Elements of a contiguous array, from an offset in its flat order; no bounds are checked.
load, load_quarter = _define_load(LANES), _define_load(QUARTER)


@intrinsic
def store(typing_context, array, offset, vector):
    """Write the elements to a contiguous array, from an offset in its flat order."""

    def codegen(context, builder, signature, arguments):
        pointer = _pointer(context, builder, array, *arguments[:2], vector)
        stored = builder.store(arguments[2], pointer)
        stored.align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), codegen


def _define_operator(function, of_floats, of_integers):
    @intrinsic
    def apply(typing_context, left, right):
        def codegen(context, builder, signature, arguments):
            if _is_float(left):
                return getattr(builder, of_floats)(*arguments, flags=_FUSED)
            return getattr(builder, of_integers)(*arguments)

        return left(left, right), codegen

    @overload(function)
    def implementation(left, right):
        if isinstance(left, Vector) and left == right:
            return lambda left, right: apply(left, right)


_define_operator(operator.add, "fadd", "add")
_define_operator(operator.sub, "fsub", "sub")
_define_operator(operator.mul, "fmul", "mul")
_define_operator(operator.truediv, "fdiv", None)
_define_operator(operator.xor, None, "xor")
_define_operator(operator.and_, None, "and_")
_define_operator(operator.or_, None, "or_")


def _define_shift(build):
    @intrinsic(prefer_literal=True)
    def shift(typing_context, vector, count):
        if not isinstance(count, types.Literal):
            return None

        def codegen(context, builder, signature, arguments):
            return build(builder, arguments[0], _llvm_type(vector), count.literal_value)

        return vector(vector, count), codegen

    return shift


def _repeat(llvm_type, value):
    return ir.Constant(llvm_type, [value] * llvm_type.count)


#: Bits moved up, down, or round by a literal count.
shift_left = _define_shift(lambda builder, x, kind, n: builder.shl(x, _repeat(kind, n)))
shift_right = _define_shift(lambda builder, x, kind, n: builder.lshr(x, _repeat(kind, n)))
rotate_left = _define_shift(
    lambda builder, x, kind, n: builder.or_(
        builder.shl(x, _repeat(kind, n)), builder.lshr(x, _repeat(kind, 32 - n))
    )
)


def _define_conversion(source, target, build):
    @intrinsic
    def convert(typing_context, vector):
        if vector.dtype != source:
            return None
        converted = Vector(target, vector.lanes)

        def codegen(context, builder, signature, arguments):
            return build(builder, arguments[0], _llvm_type(converted))

        return converted(vector), codegen

    return convert


#: The same 32 bits read as the other type.
bits_of = _define_conversion(types.float32, types.uint32, ir.IRBuilder.bitcast)
floats_of = _define_conversion(types.uint32, types.float32, ir.IRBuilder.bitcast)
#: Floats to signed integers, towards zero.
to_integers = _define_conversion(types.float32, types.uint32, ir.IRBuilder.fptosi)
#: Bytes to integers of 16 bits.
to_shorts = _define_conversion(types.int8, types.int16, ir.IRBuilder.sext)
#: Floats in [-128, 127] to bytes, towards zero.
to_bytes = _define_conversion(
    types.float32,
    types.int8,
    lambda builder, x, kind: builder.trunc(
        builder.fptosi(x, ir.VectorType(ir.IntType(32), kind.count)), kind
    ),
)


@intrinsic
def to_floats(typing_context, vector):
    """Signed integers to floats; floats stay as they are."""
    converted = Vector(types.float32, vector.lanes)

    def codegen(context, builder, signature, arguments):
        if vector == converted:
            return arguments[0]
        return builder.sitofp(arguments[0], _llvm_type(converted))

    return converted(vector), codegen


@intrinsic
def floor(typing_context, vector):
    """The largest whole number below, lane by lane."""

    def codegen(context, builder, signature, arguments):
        kind = _llvm_type(vector)
        name = f"llvm.floor.v{vector.lanes}f{vector.dtype.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind]), name
        )
        return builder.call(function, arguments)

    return vector(vector), codegen


@intrinsic
def where(typing_context, word, if_set, if_clear):
    """One of two vectors lane by lane, by the lowest bits of a word."""

    def codegen(context, builder, signature, arguments):
        bits = builder.trunc(arguments[0], ir.IntType(if_set.lanes))
        chosen = builder.bitcast(bits, ir.VectorType(ir.IntType(1), if_set.lanes))
        return builder.select(chosen, *arguments[1:])

    return if_set(types.uint64, if_set, if_set), codegen


def _compare(builder, vector, sign, arguments):
    if _is_float(vector):
        return builder.fcmp_ordered(sign, *arguments)
    return builder.icmp_signed(sign, *arguments)


@intrinsic
def at_least(typing_context, left, right):
    """A word of the lanes in which left >= right; integers are signed, NaN is not."""

    def codegen(context, builder, signature, arguments):
        chosen = _compare(builder, left, ">=", arguments)
        return builder.zext(builder.bitcast(chosen, ir.IntType(left.lanes)), ir.IntType(64))

    return types.uint64(left, left), codegen


def _define_choice(sign):
    @intrinsic
    def choose(typing_context, left, right):
        def codegen(context, builder, signature, arguments):
            return builder.select(_compare(builder, left, sign, arguments), *arguments)

        return left(left, left), codegen

    return choose


#: The smaller, the larger of two, lane by lane; the second where the first is NaN.
minimum = _define_choice("<")
maximum = _define_choice(">")


@intrinsic
def lowest_lane(typing_context, word):
    """Place of the lowest bit that is set; 64 where there is none."""

    def codegen(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), codegen
