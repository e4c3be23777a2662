"""What is in a wheel, and that it needs nothing but what every Linux with glibc has."""

import io
import sys
import zipfile
from pathlib import Path

from elftools.elf.elffile import ELFFile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = wheel.namelist()
    extensions = [name for name in names if ".so" in name]
    for name in extensions:
        dynamic = ELFFile(io.BytesIO(wheel.read(name))).get_section_by_name(".dynamic")
        needed = {tag.needed for tag in dynamic.iter_tags("DT_NEEDED")}
        print(name, "needs", *sorted(needed))
        assert needed <= {"libc.so.6", "libm.so.6"}, needed
assert len(extensions) == 1, extensions
assert "sklearn_backprop/py.typed" in names
assert any(name.endswith("/LICENSE") for name in names)
assert not any(name.endswith((".c", ".h", ".pyx", ".pxd", ".md")) for name in names)
(metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
folders = {Path(name).parts[0] for name in names}
assert folders == {"sklearn_backprop", Path(metadata).parts[0]}, folders
