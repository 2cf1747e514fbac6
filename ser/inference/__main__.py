"""`python -m ser.inference` is `ser`."""

from ser.inference.command import main

if __name__ == "__main__":
    main()
