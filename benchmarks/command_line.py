"""The command line of all scripts here, with the options that they share."""


def read(parser, constants, tiny):
    """Read the command line; with --tiny a script does next to nothing, but all of it.

    Parameters
    ----------
    parser : ArgumentParser
        With the options of the script.
    constants : dict
        The script's `globals()`.
    tiny : dict
        What --tiny puts in the place of constants, in capitals, and of options.

    Returns
    -------
    arguments : Namespace
    """
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="run for a few seconds to check that the script works; its figures mean "
        "nothing",
    )
    arguments = parser.parse_args()
    if arguments.tiny:
        print("A tiny run: its figures mean nothing.\n")
        for name, value in tiny.items():
            place = constants if name.isupper() else vars(arguments)
            assert name in place, f"There is no {name}."
            place[name] = value
    return arguments
