package child

import "syscall"

func sendAtDeath(attributes *syscall.SysProcAttr, death syscall.Signal) {
	attributes.Pdeathsig = death
}
