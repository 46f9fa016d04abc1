package compatibility_test

import (
	"google.golang.org/protobuf/proto"

	authenticationv1 "videotutorials/proto/authentication/v1"
	identityv1 "videotutorials/proto/identity/v1"
	sendemailv1 "videotutorials/proto/sendemail/v1"
	subscriberpositionv1 "videotutorials/proto/subscriberposition/v1"
	videopublishingv1 "videotutorials/proto/videopublishing/v1"
	viewingv1 "videotutorials/proto/viewing/v1"
)

// contracts are our contracts of the original's messages, by category and type.
var contracts = map[string]proto.Message{
	"viewing VideoViewed":                   &viewingv1.VideoViewed{},
	"identity:command Register":             &identityv1.Register{},
	"identity Registered":                   &identityv1.Registered{},
	"identity RegistrationRejected":         &identityv1.RegistrationRejected{},
	"identity RegistrationEmailSent":        &identityv1.RegistrationEmailSent{},
	"authentication UserLoggedIn":           &authenticationv1.UserLoggedIn{},
	"authentication UserLoginFailed":        &authenticationv1.UserLoginFailed{},
	"sendEmail:command Send":                &sendemailv1.Send{},
	"sendEmail Sent":                        &sendemailv1.Sent{},
	"sendEmail Failed":                      &sendemailv1.Failed{},
	"videoPublishing:command PublishVideo":  &videopublishingv1.PublishVideo{},
	"videoPublishing:command NameVideo":     &videopublishingv1.NameVideo{},
	"videoPublishing VideoPublished":        &videopublishingv1.VideoPublished{},
	"videoPublishing VideoPublishingFailed": &videopublishingv1.VideoPublishingFailed{},
	"videoPublishing VideoNamed":            &videopublishingv1.VideoNamed{},
	"videoPublishing VideoNameRejected":     &videopublishingv1.VideoNameRejected{},
	"subscriberPosition Read":               &subscriberpositionv1.Read{},
}
