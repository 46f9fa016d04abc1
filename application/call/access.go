package call

import (
	"strings"

	applicationv1 "videotutorials/proto/application/v1"
)

// Access is which callers a method admits.
type Access int

// The levels of access.
const (
	// Anyone may call; a session is ignored. A user must be able to log in while
	// the browser still sends an ended session.
	Anyone Access = iota
	// Guests and users may call. An invalid or ended session is rejected, so that a
	// user does not act as a guest without noticing it.
	Guests
	// Users with a session may call.
	Users
	// Admins are users with the administrator's role.
	Admins
)

// AccessOf returns the access of a method by its gRPC name. Methods of the
// application that are missing in this table are for Admins.
func AccessOf(method string) Access {
	switch method {
	case applicationv1.UsersService_RegisterUser_FullMethodName,
		applicationv1.UsersService_GetRegistration_FullMethodName,
		applicationv1.UsersService_ConfirmRegistration_FullMethodName,
		applicationv1.SessionsService_LogIn_FullMethodName:
		return Anyone
	case applicationv1.HomeService_GetHome_FullMethodName,
		applicationv1.ViewingsService_RecordViewing_FullMethodName:
		return Guests
	case applicationv1.SessionsService_LogOut_FullMethodName,
		applicationv1.CreatorsService_PublishVideo_FullMethodName,
		applicationv1.CreatorsService_ListVideos_FullMethodName,
		applicationv1.CreatorsService_GetVideo_FullMethodName,
		applicationv1.CreatorsService_NameVideo_FullMethodName,
		applicationv1.CreatorsService_DescribeVideo_FullMethodName,
		applicationv1.OperationsService_GetOperation_FullMethodName:
		return Users
	}
	if !strings.HasPrefix(method, "/application.v1.") {
		return Anyone // gRPC's health and reflection
	}
	return Admins
}
