"""Names of scikit-learn without their modules, as `MLPRegressor`, become links."""

from sphinx.ext.intersphinx import missing_reference


def resolve(app, env, node, contnode):
    """Look for the one class or function of scikit-learn that is so called."""
    name = node["reftarget"]
    known = {
        full
        for kind in ("py:class", "py:function")
        for full in env.intersphinx_inventory.get(kind, {})
        if full.startswith("sklearn.") and full.endswith(f".{name}")
    }
    if node.get("refdomain") != "py" or len(known) != 1:
        return None
    (node["reftarget"],) = known
    return missing_reference(app, env, node, contnode)


def setup(app):
    """Ask here for what nothing else finds."""
    app.connect("missing-reference", resolve, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
