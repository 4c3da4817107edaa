"""Archives for tests: made here with the standard library, and small 7z files, which it cannot write.

Used by the tests of archives and content rules. Each 7z holds a.exe (b"MZ" and 50 times b"x"), dir/empty.txt (empty)
and 日本.txt (b"hello"), packed as its key says; "aes" has encrypted files, "names" encrypted names as well.
"""

import base64
import io
import tarfile
import zipfile
from collections.abc import Mapping


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, body in files.items():
            made.writestr(name, body)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar of these files; mode "w:gz" packs it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=form) as made:  # type: ignore[call-overload] # the mode is a str
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            made.addfile(info, io.BytesIO(body))
    return out.getvalue()


def locked_zip(name: str) -> bytes:
    """A zip that says its file is encrypted; nobody will try the password."""
    made = bytearray(zipped({name: b"secret"}, zipfile.ZIP_STORED))
    made[6] |= 1  # the flags of the local header
    made[made.index(b"PK\x01\x02") + 8] |= 1  # and of the directory
    return bytes(made)


SEVENS = {
    name: base64.b64decode(text)
    for name, text in {
        "lzma2": (
            "N3q8ryccAAQszLQjmQAAAAAAAAAWAAAAAAAAAP+9r9DgADgADl0AJpaLlKUy9oOk4cPs4AAA4ACaAHtdAACBMweuD89dLwwHsMPa"
            "KtdYZKyzeM5U3e3a1SmvDNDYijkCKyatL6UjsS9rP+ou127tM5ZvPldp8k0rZS0RS9yHWwM3cjuaiRRHKIZ5khZP001htdrsHCe8"
            "xmvn07T1Lk9Fcm0rWGGp0qDwrHyDduVhLRaHuKgodAAAAAAXBhYBCYCDAAcLAQABISEBGAyAmwAA"
        ),
        "lzma": (
            "N3q8ryccAATlueOKmQAAAAAAAAAWAAAAAAAAAEsK+U4AJpaLlKUy9oOk4hfwn///10QAAOAAngB9XQAAgTMHrg/PObAMB8hDgIOB"
            "W/+sds94Pw6pwfH5uIuDUVzP0+MKRuuCYsfeOgVxbMaQ/xTN42s4rJQ5gBU+LfXnhSpbgmvKeyop8YUhpJslnT+iF2Uf/BjQrasu"
            "sbC4Y1v2ohEuAvRGZVMvfPsxPHWrmfQ8YVqUKoiiQAAAAAAXBhQBCYCFAAcLAQABISEBGAyAnwAA"
        ),
        "bzip2": (
            "N3q8ryccAAQXLgxCsQAAAAAAAAAVAAAAAAAAAKFfeatCWmg5MUFZJlNZJBzbMgAAAJeAAAEAAgAQAkSAQCAAMQwIIA8ouGjBL4u5"
            "IpwoSBIObZkA4ACSAHVdAACBMweuD9E9XiygkKByQ9Sx4pf4xgVndLbBcptPwrSuZZUhu938v9d0DlIndM3V0ohD5pT6oyWfNIgg"
            "MCWy7Jo7ddr7sqDDKCPobf+diFQFogFeiXRSDXCA4JjXHgm+P4MACCbuwsPxhlOYcjg25Bq9zAAAAAAXBjQBCX0ABwsBAAEhIQEY"
            "DICTAAA="
        ),
        "deflate": (
            "N3q8ryccAAR5ysMmiAAAAAAAAAAVAAAAAAAAAKuedjnzjaogGWSk5uTkAwDgAJIAdF0AAIEzB64PzpwGxQkqrrlcOAMKW9n0MNA4"
            "2Q/SmWZ3bgaQSxIU2fxpqWRqaIW/AIWQXyZo3r65FU3rM7O66qKjRGimFUfvxvy/jhdOGfO1KZp10kWCcMfavG5p+ciBzCXd07Ja"
            "5177hkedjYYuvY11MVQAAAAAFwYMAQl8AAcLAQABISEBGAyAkwAA"
        ),
        "copy": (
            "N3q8ryccAAT2pJHMtgAAAAAAAAAVAAAAAAAAAEJnW5tNWnh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4"
            "eHh4eHh4eHh4aGVsbG/gAJYAdV0AAIEzB64P0YkKnKCQoJ2cJ/pKXLgvIWIqvHcLP6qmlE4obXeK0Y5oSmJkc1hHvl35R/My2G7S"
            "+KfcrYY4FsV353Fe/nitNHRTkGERQYReOjLTx1F6zvzPxgZvACX/LTd97neIZCIQH/mkQZLgowTTsvxAAAAAABcGOQEJfQAHCwEA"
            "ASEhARgMgJcAAA=="
        ),
        "x86": (
            "N3q8ryccAAR1J1ltmgAAAAAAAAAWAAAAAAAAAIpFVi3gADgADl0AJpaLlKUy9oObh7T1zsUA4ACaAHxdAACBMweuD89dLwwHsMPa"
            "KtdGNcBd664jz1yynUH8Zm/0XQSOEtuUxSHUtRFr1CE9PF1Ay7D0jEynACzJn91Ut5VBWZd2gOelWTvx2y00QOjYfjVa5IA7WIYo"
            "gDU1aKATRZHy4NHWwh9JuFnm1nH8zf9IJOXAWitb24wAAAAAFwYWAQmAhAAHCwEAASEhARgMgJsAAA=="
        ),
        "ppmd": (
            "N3q8ryccAAQdWQkTkAAAAAAAAAAWAAAAAAAAAPlR2gMATQ+dHzU/XA3RVSKWAOAAmgB6XQAAgTMHrg/Ox1yBCSqu1WJm+mJMroWM"
            "/bVq2Q6KpqN9aRLg4/3SgY1Ug2m27oH976cwe8xbFMCTlsJFt0UGRAx6j0YeD/BzzLrPI95vHEkTeXhN3pxYPZweYakANHPL0MYK"
            "MTi1fy/RZ+h/MOnKWEqo7VP9X2WiRAAAAAAXBg4BCYCCAAcLAQABISEBGAyAmwAA"
        ),
        "aes": (
            "N3q8ryccAATVt/6CwAAAAAAAAAAWAAAAAAAAAA+rFqGVlEtZT8KDvq+ASUhXSJ8T4LYyccxG7RY3+Jns+zroP+AAtgCYXQAAgTMH"
            "rg/QDv4UdTN+zjCXJ+NjovzQW4dGnni+15DmHATXhLwwsAF/pwvKYaDXm4tuDxFUj0CBJOEmiRsvp1rrBXbfLhX5C186HGyZMNek"
            "63LlJduwh3PZmeIa6TCu31bFSuOBxM+4d2M4L+jwjQRAI2XoHwhP0A5FQlFT6WGU3zRjxtXpYc8uTR+GHNYPqgWw+cjg/AAAAAAX"
            "BiABCYCgAAcLAQABISEBGAyAtwAA"
        ),
        "names": (
            "N3q8ryccAATK04Dp4AAAAAAAAAAqAAAAAAAAAFiDpAG1IEG7qzhlOchx87hJQcOR7qv4ulR0bKTVa1igW4Bszlekvsg6802L/SRR"
            "l4TV9nuIA1KcgQxcOThH23S/k1uIw+nkmSR7HXzKGfsRprQZiQWuH0bQ+i9tsGW9ncnOGrfK14M60h5Pl1Bkq2lTPGk0KagBYgzl"
            "1Kl/MyiOIc1vkEEsAsfjpHW6SONUB8NbFMqmTaL6XdWYVoGwJY+llLqYJ+oEIIEV1IkoWmvy4EOno1O+WstY42dTJF7LNHE5xY0m"
            "uFmboEe4BOPCS3LNZUC3XuyJxxa8iPz8utRQQ6rE+RcGIAEJgMAABwsBAAEkBvEHARJTDzDl6sFoF4/++l+Csu10OGsMgLcAAA=="
        ),
    }.items()
}
