"""Train as the command line says where TensorFlow is not installed."""

import sys
from importlib.abc import MetaPathFinder


class Missing(MetaPathFinder):
    """Finds neither TensorFlow nor TensorBoard."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in ("tensorflow", "tensorboard"):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


sys.meta_path.insert(0, Missing())

from training import fit  # noqa: E402

if __name__ == "__main__":  # not in the processes that draw
    sys.exit(fit.main(sys.argv[1:]))
