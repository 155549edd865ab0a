# Runs componentize-py with this program's arguments. What it says is passed on, but for two things: a file is named by its
# folder here, not by the folder's number in the Python path, and a traceback is not followed by its last line once more.
import sys

from componentize_py import script

folders = [value for flag, value in zip(sys.argv, sys.argv[1:]) if flag == "-p"]
try:
    code = script()
except AssertionError as error:
    said = str(error)
    if said.startswith("Traceback"):
        said = said.partition("\n\nCaused by:")[0].rstrip()
    for number, folder in enumerate(folders):
        said = said.replace(f'File "/{number}/', f'File "{folder}/')
    sys.exit(said)
sys.exit(code)
