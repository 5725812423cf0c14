package main

import "syscall"

// reservePort finds a free port on loopback and keeps it for whoever is told of
// it, as long as this process lives: others who ask for any port do not get it,
// and a server that sets SO_REUSEADDR (all do) may listen on it.
func reservePort() (int, error) {
	fd, err := holdPort(0)
	if err != nil {
		return 0, err
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, err
	}
	return at.(*syscall.SockaddrInet4).Port, nil
}

// holdPort binds without listening: the kernel refuses connections, and gives the port to nobody else.
func holdPort(port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		syscall.Close(fd)
		return -1, err
	}
	return fd, nil
}
