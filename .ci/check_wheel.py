"""What is in a wheel, and that it needs nothing but what every Linux with glibc has."""

import io
import sys
import zipfile

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
assert not any(name.endswith((".c", ".h", ".pyx")) for name in names)
