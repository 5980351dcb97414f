"""Arrays lent to a compiled loop, without a count of references."""

from typing import Any

from numba.core.cgutils import get_null_value
from numba.extending import intrinsic
from numba.np.arrayobj import make_array


@intrinsic  # type: ignore[untyped-decorator]
def lent(typing: Any, array: Any) -> Any:
    """Return an array as compiled code sees it, without its count of references; only in compiled code.

    numba counts references wherever an array is handed on, which can take most of the time of a loop that
    calls small functions. The caller of the loop holds the arrays meanwhile: nothing has to be counted.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = make_array(signature.return_type)(context, builder, args[0])
        view.meminfo = get_null_value(view.meminfo.type)
        view.parent = get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate
