"""Known vulnerabilities in pinned packages, as pip-audit finds them: python .ci/audit.py requirements.txt ...

Fails if there are any. Where the service that knows them cannot be asked, one line says so.
"""

import json
import subprocess
import sys

AWAY = ("could not connect", "connectionerror", "timeout", "serviceerror", "not redirecting properly")


def main(files: list[str]) -> int:
    return max(map(audit, files))


def audit(file: str) -> int:
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--no-deps", "--disable-pip", "--requirement", file]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if not done.stdout:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        away = [line for line in lines if any(word in line.lower() for word in AWAY)]
        if not away:
            print(*lines[-5:], sep="\n", file=sys.stderr)
            return 2
        print(f"{file}: not audited, the vulnerability service can't be asked: {away[-1][:200]}")
        return 0
    packages = json.loads(done.stdout)["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        print(f"{file}: not audited, the vulnerability service knows none of its {len(packages)} packages")
        return 0
    found = [(package, one) for package in known for one in package["vulns"]]
    for package, one in found:
        mended = f"mended in {', '.join(one['fix_versions'])}" if one["fix_versions"] else "not mended yet"
        print(f"{package['name']} {package['version']}: {one['id']}, {mended}: {one.get('description', '')[:200]}")
    unknown = f", {len(packages) - len(known)} more are unknown to the service" if len(known) < len(packages) else ""
    print(f"{file}: {len(found)} known vulnerabilities in {len(known)} packages{unknown}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
