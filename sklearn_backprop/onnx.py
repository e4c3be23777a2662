"""Deployment with ONNX: a converter for skl2onnx.

Requires the extra ``onnx``. An ONNX file runs wherever there is an ONNX runtime,
without Python and scikit-learn.

Examples
--------
>>> import onnxruntime
>>> from skl2onnx import to_onnx
>>> from sklearn.datasets import load_diabetes
>>> from sklearn_backprop import BackpropRegressor
>>> from sklearn_backprop.onnx import register_converter
>>> X, y = load_diabetes(return_X_y=True, scaled=False)
>>> model = BackpropRegressor(5, random_state=0).fit(X, y)
>>> register_converter()
>>> graph = to_onnx(model, X[:1])
>>> session = onnxruntime.InferenceSession(graph.SerializeToString())
>>> (y_pred,) = session.run(None, {"X": X})
>>> bool(abs(y_pred[:, 0] - model.predict(X)).max() < 1e-9)
True
"""

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.algebra.onnx_operator import OnnxSubEstimator
from skl2onnx.algebra.onnx_ops import (
    OnnxAdd,
    OnnxCast,
    OnnxMul,
    OnnxReshape,
    OnnxSub,
)
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    guess_proto_type,
)
from skl2onnx.proto import TensorProto

from ._mlp import as_mlp
from ._regressor import BackpropRegressor


def register_converter() -> None:
    """Enable skl2onnx to convert `BackpropRegressor`, alone or in a pipeline.

    The graph predicts the same as `BackpropRegressor.predict`, up to rounding: in
    float64 if its input is float64, and in float32 otherwise. Its output has the shape
    (n_samples, n_outputs).
    """
    update_registered_converter(
        BackpropRegressor, "SklearnBackpropRegressor", _set_output_type, _convert
    )


def _set_output_type(operator):
    given = operator.inputs[0]
    double = isinstance(given.type, DoubleTensorType)
    tensor_type = DoubleTensorType if double else FloatTensorType
    shape = [given.get_first_dimension(), operator.raw_operator.n_outputs_]
    operator.outputs[0].type = tensor_type(shape)


def _convert(scope, operator, container):
    """Standardize X, apply the network, and give its output the units of y.

    If X is float32, only the network is in float32, because X may be far from 0.
    """
    model, X, (y_pred,) = operator.raw_operator, operator.inputs[0], operator.outputs
    dtype, opset = guess_proto_type(y_pred.type), {"op_version": container.target_opset}
    network = model._state.network
    units = network.standardization

    X = OnnxCast(X, to=TensorProto.DOUBLE, **opset)
    X = OnnxMul(OnnxSub(X, units.X_mean, **opset), units.X_scale, **opset)
    X = OnnxCast(X, to=dtype, **opset)
    X_type = type(y_pred.type)([None, model.n_features_in_])
    mlp = as_mlp(*network.matrices())
    y = OnnxSubEstimator(mlp, X, input_types=[X_type], **opset)
    # The converter of MLPRegressor puts all outputs into a single column.
    y = OnnxReshape(y, np.array([-1, model.n_outputs_]), **opset)
    y = OnnxCast(y, to=TensorProto.DOUBLE, **opset)
    y = OnnxAdd(OnnxMul(y, units.y_unit, **opset), units.y_mean, **opset)
    OnnxCast(y, to=dtype, output_names=[y_pred], **opset).add_to(scope, container)
