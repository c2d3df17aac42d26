"""Ask the processor for a vehicle's row before its report is due.

Reports come in no order of vehicles, so a large fleet's rows are cold; asked for a few reports ahead they have arrived
when they are needed. Of a vehicle's row only the front is asked for, which is all that a usual report touches
(``row_layout``); of other rows the whole. A hint only: without compilation it does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.engine.state import FIRST_COLD
from monitor.model.compiled import numba

LINE_BYTES = 64
"""Cache line of the processors this runs on."""

if TYPE_CHECKING or numba.config.DISABLE_JIT:

    def prefetch_row(rows: NDArray[np.void], row: int) -> None:
        """Ask for the cache lines of ``rows[row]`` that will be touched."""

else:
    from llvmlite import ir
    from numba.core import types
    from numba.extending import intrinsic
    from numba.np.arrayobj import make_array

    @intrinsic
    def prefetch_row(typing_context, rows, row):
        """Ask for the cache lines of ``rows[row]`` that will be touched."""
        size, core = rows.dtype.size, rows.dtype.fields.get("core")
        touched = size if core is None else core.offset + core.type.fields[FIRST_COLD].offset

        def generate(context, builder, signature, arguments):
            data = make_array(signature.args[0])(context, builder, arguments[0]).data
            word = ir.IntType(64)
            number = ir.IntType(32)
            pointer = ir.IntType(8).as_pointer()
            index = context.cast(builder, arguments[1], signature.args[1], types.int64)
            start = builder.add(builder.ptrtoint(data, word), builder.mul(index, word(size)))
            hint = builder.module.declare_intrinsic(
                "llvm.prefetch", [pointer], ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
            )
            for offset in (*range(0, touched, LINE_BYTES), touched - 1):
                address = builder.inttoptr(builder.add(start, word(offset)), pointer)
                builder.call(hint, [address, number(1), number(3), number(1)])
            return context.get_dummy_value()

        return types.void(rows, row), generate
