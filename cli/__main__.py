from claimstream.cli import main

main()
